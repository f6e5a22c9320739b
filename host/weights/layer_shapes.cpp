#include <initializer_list>
#include <string>

#include "host/layer_tensors.hpp"
#include "host/validate_job.hpp"

namespace recur {

BasicLayerWeights<TensorShape> layer_shapes(const Spec& spec, std::int64_t layer) {
  host::validate_job({spec, {1, 1}, Device::cpu().props(), {}});
  if (layer < 0 || layer >= spec.layers) {
    throw InvalidArgument("layer: expected 0 <= layer < L=" + std::to_string(spec.layers) + ", got " +
                          std::to_string(layer));
  }
  BasicLayerWeights<TensorShape> shapes;
  const BasicLayerWeights<TensorShape*> to{&shapes.W,  &shapes.R,        &shapes.bW,
                                           &shapes.bR, &shapes.peephole, &shapes.projection};
  host::each_tensor(spec, layer, to,
                    [](std::string_view name, TensorShape* shape, bool wanted, std::string_view,
                       std::initializer_list<host::Dim> dims) {
                      if (!wanted) return;
                      std::int64_t elements = 1;
                      for (const host::Dim& dim : dims) {
                        shape->sizes[static_cast<std::size_t>(shape->rank++)] = dim.size;
                        elements = host::checked_product(name, {elements, dim.size});
                      }
                    });
  return shapes;
}

}  // namespace recur
