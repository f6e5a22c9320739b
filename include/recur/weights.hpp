/// @file
/// Canonical weights, their gradients, and weights packed once for inference.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "recur/export.hpp"
#include "recur/spec.hpp"
#include "recur/tensor.hpp"

namespace recur {

/// Parameters of one layer, all directions, in the canonical layout of types.hpp. Shapes:
///
///     W        [D][G*H][K]   K = I for layer 0, D*P above
///     R        [D][G*H][P]   P = H without a projection
///     bW, bR   [D][G*H]      not given where `Spec::bias` has none
///     peephole [D][3*H] or [D][2*H], given exactly when `Spec::peepholes`
///     projection [D][P][H], given exactly when `Spec::projection_size` is not 0
///
/// dtype `Spec::dtype`; inner stride 1; aligned to their elements, on GPUs to 16 bytes; read only, never
/// overlapping an output.
template <class View>
struct BasicLayerWeights {
  View W;
  View R;
  View bW;
  View bR;
  View peephole;
  View projection;
};

/// Weights of one layer; a model is a `std::span` of L of them.
using LayerWeights = BasicLayerWeights<ConstTensorView>;
/// Where `backward` writes the gradients of one layer; same shapes. A view that is not given is not computed.
using LayerGradients = BasicLayerWeights<TensorView>;

/// Sizes of a dense tensor, outermost first. Rank 0 stands for a tensor that the layer does not have.
struct TensorShape {
  int rank = 0;
  std::array<std::int64_t, TensorView::kMaxRank> sizes = {};

  bool given() const { return rank != 0; }
  /// Elements; 0 where there is no tensor.
  std::int64_t elements() const {
    std::int64_t count = given() ? 1 : 0;
    for (int d = 0; d < rank; ++d) count *= sizes[static_cast<std::size_t>(d)];
    return count;
  }
  /// A dense view of memory of `elements()` elements; not given where there is no tensor.
  template <class Pointer>
  BasicTensorView<Pointer> view(Pointer data, DataType type) const {
    const auto& s = sizes;
    switch (rank) {
      case 2: return {data, type, {s[0], s[1]}};
      case 3: return {data, type, {s[0], s[1], s[2]}};
      default: return {};
    }
  }
  friend bool operator==(const TensorShape&, const TensorShape&) = default;
};

/// The shape of a view.
template <class Pointer>
TensorShape shape_of(const BasicTensorView<Pointer>& view) {
  TensorShape shape{view.rank(), {}};
  for (int d = 0; d < shape.rank; ++d) shape.sizes[static_cast<std::size_t>(d)] = view.size(d);
  return shape;
}

/// What shapes the canonical weights of a layer have, and their gradients.
using LayerShapes = BasicLayerWeights<TensorShape>;

/// The shapes of the canonical tensors of one layer (0-based), with values in place of the letters above.
/// `recur/owned.hpp` has memory for all of them.
///
/// @throws InvalidArgument for a Spec that can never work, a layer it does not have, and for sizes whose
///         products pass 64 bits.
RECUR_API LayerShapes layer_shapes(const Spec& spec, std::int64_t layer);

/// Handle to a buffer that `prepare_weights` filled. `layout_id` names the packing: plans with an equal
/// `Plan::layout_id` share a buffer. The buffer is the caller's and must outlive every use.
struct PreparedWeights {
  const void* data = nullptr;
  std::size_t bytes = 0;
  std::uint64_t layout_id = 0;
};

/// Weights as `forward` takes them: canonical (packed into the workspace on every call; what training uses)
/// or prepared (what inference uses).
class Weights {
 public:
  Weights(std::span<const LayerWeights> canonical)  // NOLINT(google-explicit-constructor)
      : canonical_(canonical) {}
  Weights(const PreparedWeights& prepared)  // NOLINT(google-explicit-constructor)
      : prepared_(prepared), is_prepared_(true) {}

  bool is_prepared() const { return is_prepared_; }
  std::span<const LayerWeights> canonical() const { return canonical_; }
  const PreparedWeights& prepared() const { return prepared_; }

 private:
  std::span<const LayerWeights> canonical_;
  PreparedWeights prepared_;
  bool is_prepared_ = false;
};

}  // namespace recur
