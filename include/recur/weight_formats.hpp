/// @file
/// Weights in other libraries' conventions: names, shapes and gate orders, and conversion both ways.
/// Conversion moves elements and, in some conventions, changes signs: what is converted and converted back
/// has the same bits. Two biases of which a convention has the sum are added on the way there; their
/// gradients, which are both that of the sum, are not.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "recur/export.hpp"
#include "recur/spec.hpp"
#include "recur/weights.hpp"

namespace recur {

/// Whose convention. Sources: docs/weight_formats.md.
enum class WeightFormat : std::uint8_t {
  pytorch,       ///< `torch.nn.RNN`, `GRU`, `LSTM`: state_dict
  onnx,          ///< operators RNN, GRU, LSTM: inputs W, R, B, P
  keras,         ///< `SimpleRNN`, `GRU`, `LSTM`: kernel, recurrent_kernel, bias
  cudnn,         ///< matrices and biases by linLayerID, as cudnnGetRNNWeightParams gives their places
  onednn,        ///< weights_layer and weights_iter in `ldigo`, without the dimension l, which is 1
  paddle,        ///< `paddle.nn.SimpleRNN`, `GRU`, `LSTM`: state_dict
  paddle_fluid,  ///< `fluid.layers.fc` and `dynamic_gru` with its default origin_mode
  keras_cudnn,   ///< `CuDNNLSTM` and `CuDNNGRU` of Keras 2, as their files have them
  haiku,         ///< `haiku.GRU`: w_i, w_h, b
  lasagne,       ///< `lasagne.layers.GRULayer`
  madmom,        ///< `madmom.ml.nn.layers.GRULayer`
};

RECUR_API std::string_view name_of(WeightFormat format);

/// A tensor that a convention has for one layer. Dense and row-major; as `BasicTensorView`, at most four
/// dimensions.
struct FormatTensor {
  std::string name;  ///< as the library names it, e.g. "weight_ih_l0_reverse"
  std::vector<std::int64_t> shape;
};

/// The tensors of one layer (0-based) in their order.
///
/// @throws InvalidArgument for a Spec that can never work or a layer it does not have.
/// @throws Unsupported where the convention cannot express the Spec; the message says what it lacks.
RECUR_API std::vector<FormatTensor> format_tensors(WeightFormat format, const Spec& spec, std::int64_t layer);

/// Converts one layer to the canonical layout. `from` has the tensors of `format_tensors` in their order,
/// dense, in `Spec::dtype`, as host memory; `to` has views for all that `LayerWeights` has for the Spec.
/// Nothing overlaps.
///
/// Where the convention has one bias and the Spec `Bias::both`, bW gets it and bR zeros. Of onnx's forget
/// gate nothing is read where input and forget gates are coupled.
///
/// @throws InvalidArgument  before anything is written, for a missing, misshapen, misaligned or overlapping
///         tensor
/// @throws  else as `format_tensors`
RECUR_API void import_weights(WeightFormat format, const Spec& spec, std::int64_t layer,
                              std::span<const ConstTensorView> from, const BasicLayerWeights<TensorView>& to);

/// Converts one layer from the canonical layout; every element of `to` is written. As `import_weights`.
///
/// Where the convention has one bias and the Spec `Bias::both`, it gets bW + bR, which for a 16-bit dtype is
/// Unsupported.
RECUR_API void export_weights(WeightFormat format, const Spec& spec, std::int64_t layer,
                              const LayerWeights& from, std::span<const TensorView> to);

/// Converts gradients of one layer's weights, as `backward` writes them, to those of the convention's
/// tensors. As `export_weights`, but where the convention has one bias and the Spec `Bias::both`, it gets the
/// gradient of bW, which is that of bR and of their sum alike; so 16-bit types are taken too. Elements that
/// nothing reads get zeros. A gradient has the sign of its weight.
RECUR_API void export_gradients(WeightFormat format, const Spec& spec, std::int64_t layer,
                                const LayerWeights& from, std::span<const TensorView> to);

/// Converts gradients of the convention's tensors to those of the canonical weights. As `import_weights`, but
/// where the convention has one bias and the Spec `Bias::both`, bW and bR both get its gradient.
RECUR_API void import_gradients(WeightFormat format, const Spec& spec, std::int64_t layer,
                                std::span<const ConstTensorView> from,
                                const BasicLayerWeights<TensorView>& to);

/// Changes the sign of all that goes into the update gate of one layer of a gru: z's rows of W, R, bW and bR.
/// A gru of a library where that gate keeps the candidate, h = (1 - z) h' + z n, computes the same here after
/// it, and the other way round. Conventions above that are of this kind have done so; this is for libraries
/// that have none, once their tensors lie as canonical ones. Gradients change their signs with their weights.
///
/// @throws InvalidArgument for another cell, a layer that there is not, and views as `import_weights`.
RECUR_API void negate_update_gate(const Spec& spec, std::int64_t layer,
                                  const BasicLayerWeights<TensorView>& weights);

}  // namespace recur
