#include "host/layer_tensors.hpp"
#include "host/out_of_memory.hpp"
#include "host/validate_job.hpp"
#include "recur/weights.hpp"

namespace recur {

LayerShapes layer_shapes(const Spec& spec, std::int64_t layer) {
  return host::with_memory("layer_shapes", [&] {
    host::validate_layer(spec, layer);
    LayerShapes shapes;
    host::each_tensor(spec, layer, shapes,
                      [&](std::string_view name, TensorShape& shape, bool wanted, std::string_view,
                          std::initializer_list<host::Dim> dims) {
                        if (!wanted) return;
                        std::int64_t elements = 1;
                        for (const host::Dim& dim : dims) {
                          shape.sizes[static_cast<std::size_t>(shape.rank++)] = dim.size;
                          elements = host::checked_product(name, {elements, dim.size});
                        }
                      });
    return shapes;
  });
}

}  // namespace recur
