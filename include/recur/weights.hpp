/// @file
/// Canonical weights, their gradients, and weights that are packed once for inference.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "recur/export.hpp"
#include "recur/spec.hpp"
#include "recur/tensor.hpp"

namespace recur {

/// The parameters of one layer, all directions, in the canonical layout of types.hpp. Every tensor has the
/// dtype `Spec::dtype`, an inner stride of 1 and a base aligned to its elements (on GPUs to 16 bytes). Calls
/// only read weights, and their outputs overlap none.
template <class View>
struct BasicLayerWeights {
  View W;           ///< [D][G*H][J], J = I for layer 0 and D*P above
  View R;           ///< [D][G*H][P], P = H without a projection; given exactly when `has_recurrent_weights`
  View bW;          ///< [D][G*H], given unless `Bias::none`
  View bR;          ///< [D][G*H], given exactly when there is R and `Bias::both`
  View peephole;    ///< [D][3*H], or [D][2*H] with coupled gates; given exactly when `Spec::peepholes`
  View projection;  ///< [D][P][H], given exactly when `Spec::projection_size` is not 0
};

/// The weights of one layer; a model is a `std::span` of L of them.
using LayerWeights = BasicLayerWeights<ConstTensorView>;
/// Where `backward` writes the gradients of one layer, in the same shapes. A gradient whose view is not given
/// is not computed.
using LayerGradients = BasicLayerWeights<TensorView>;

/// The sizes of a dense tensor, outermost first. Rank 0 stands for a tensor that the layer does not have.
struct TensorShape {
  int rank = 0;                                               ///< dimensions
  std::array<std::int64_t, TensorView::kMaxRank> sizes = {};  ///< of which `rank` count

  bool given() const { return rank != 0; }  ///< whether there is a tensor
  /// The number of elements; 0 where there is no tensor.
  std::int64_t elements() const {
    std::int64_t count = given() ? 1 : 0;
    for (int d = 0; d < rank; ++d) count *= sizes[static_cast<std::size_t>(d)];
    return count;
  }
  /// A dense view of memory of `elements()` elements; not given where there is no tensor. Weights have two or
  /// three dimensions; a shape of another rank gives no view.
  ///
  /// @param data  the first element
  /// @param type  the type of the elements
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

/// The shapes of the canonical weights of a layer, and of their gradients.
using LayerShapes = BasicLayerWeights<TensorShape>;

/// The shapes of the canonical tensors of one layer, with values in place of the letters above.
/// `recur/owned.hpp` makes memory for all of them.
///
/// @param spec   the layers
/// @param layer  which of them, from 0 on
/// @throws InvalidArgument  for a Spec that can never work, a layer that it does not have, and sizes whose
///         products pass 64 bits
RECUR_API LayerShapes layer_shapes(const Spec& spec, std::int64_t layer);

/// A handle to a buffer that `prepare_weights` filled. The buffer is the caller's and must outlive every use.
struct PreparedWeights {
  const void* data = nullptr;   ///< the buffer
  std::size_t bytes = 0;        ///< its size
  std::uint64_t layout_id = 0;  ///< its layout, which plans of an equal `Plan::layout_id` share
};

/// Weights as `forward` takes them: canonical weights, which a call packs into its workspace where the engine
/// wants that, or prepared weights, which inference can use instead. It refers to the caller's span and
/// memory.
class Weights {
 public:
  /// Canonical weights of L layers.
  Weights(std::span<const LayerWeights> canonical)  // NOLINT(google-explicit-constructor)
      : canonical_(canonical) {}
  /// Prepared weights.
  Weights(const PreparedWeights& prepared)  // NOLINT(google-explicit-constructor)
      : prepared_(prepared), is_prepared_(true) {}

  bool is_prepared() const { return is_prepared_; }
  std::span<const LayerWeights> canonical() const { return canonical_; }  ///< empty for prepared weights
  const PreparedWeights& prepared() const { return prepared_; }           ///< null data for canonical weights

 private:
  std::span<const LayerWeights> canonical_;
  PreparedWeights prepared_;
  bool is_prepared_ = false;
};

}  // namespace recur
