/// @file
/// Weights in other libraries' conventions: names, shapes and gate orders, and conversion both ways.
/// Conversion moves elements and, in some conventions, changes signs, so that weights that are converted and
/// converted back have the same bits. Where a convention has one bias that is the sum of bW and bR, exporting
/// weights adds the two. The gradient of either bias is the gradient of the sum, so that exporting gradients
/// adds nothing.
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

/// The library whose convention it is. docs/weight_formats.md has the sources.
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

/// The name of a convention: that of its enumerator.
RECUR_API std::string_view name_of(WeightFormat format);

/// A tensor that a convention has for one layer: dense and row-major, of at most four dimensions.
struct FormatTensor {
  std::string name;  ///< as the library names it, e.g. "weight_ih_l0_reverse"
  std::vector<std::int64_t> shape;
};

/// The tensors of one layer in their order.
///
/// @param format  the convention
/// @param spec    the layers
/// @param layer   which of them, from 0 on
/// @throws InvalidArgument  for a Spec that can never work, and for a layer that it does not have
/// @throws Unsupported      where the convention cannot express the Spec; the message says what it lacks
RECUR_API std::vector<FormatTensor> format_tensors(WeightFormat format, const Spec& spec, std::int64_t layer);

/// Converts one layer to the canonical layout. Where the convention has one bias and the Spec has
/// `Bias::both`, bW gets the bias and bR gets zeros. Where input and forget gates are coupled, the forget
/// gate of an ONNX tensor is not read.
///
/// @param format  the convention
/// @param spec    the layers
/// @param layer   which of them, from 0 on
/// @param from    the tensors of `format_tensors` in their order, dense, in `Spec::dtype`, in host memory,
///         read
/// @param to      a view for each tensor that `LayerWeights` has for the Spec, overwritten; no two overlap,
///                and none overlaps an input
/// @throws InvalidArgument  before anything is written, for a missing, misshapen, misaligned or overlapping
///         tensor
/// @throws  else as `format_tensors`
RECUR_API void import_weights(WeightFormat format, const Spec& spec, std::int64_t layer,
                              std::span<const ConstTensorView> from, const BasicLayerWeights<TensorView>& to);

/// Converts one layer from the canonical layout. Where the convention has one bias and the Spec has
/// `Bias::both`, the bias gets bW + bR.
///
/// @param format  the convention
/// @param spec    the layers
/// @param layer   which of them, from 0 on
/// @param from    the canonical weights in host memory, read
/// @param to      views for the tensors of `format_tensors` in their order, dense, in `Spec::dtype`; every
///                element is overwritten
/// @throws InvalidArgument  as `import_weights`
/// @throws Unsupported      as `format_tensors`, and for a sum of biases in a 16-bit dtype, where it would be
///         rounded
RECUR_API void export_weights(WeightFormat format, const Spec& spec, std::int64_t layer,
                              const LayerWeights& from, std::span<const TensorView> to);

/// Converts the gradients of one layer's weights, as `backward` writes them, to the gradients of the
/// convention's tensors. Parameters and errors are those of `export_weights`, with one difference: where the
/// convention has one bias and the Spec has `Bias::both`, the bias gets the gradient of bW, which is also the
/// gradient of bR and of their sum, so that 16-bit types are taken too. Elements that no layer reads get
/// zeros. Where a weight changes its sign, so does its gradient.
RECUR_API void export_gradients(WeightFormat format, const Spec& spec, std::int64_t layer,
                                const LayerWeights& from, std::span<const TensorView> to);

/// Converts the gradients of the convention's tensors to those of the canonical weights. Parameters and
/// errors are those of `import_weights`, with one difference: where the convention has one bias and the Spec
/// has `Bias::both`, bW and bR both get its gradient.
RECUR_API void import_gradients(WeightFormat format, const Spec& spec, std::int64_t layer,
                                std::span<const ConstTensorView> from,
                                const BasicLayerWeights<TensorView>& to);

/// Changes the sign of everything that goes into the update gate of one layer of a gru: the rows of z in W,
/// R, bW and bR. In some libraries that gate keeps the candidate, h = (1 - z) h' + z n. The weights of such a
/// gru compute the same here after this call, and the weights of this library compute the same there. The
/// formats above change the signs themselves. This function is for libraries without a format, once their
/// tensors lie in the canonical layout. Gradients of the weights change their signs in the same way.
///
/// @param spec     the layers
/// @param layer    which of them, from 0 on
/// @param weights  canonical weights or gradients of the layer in host memory, changed in place
/// @throws InvalidArgument  for another cell, a layer that the Spec does not have, and views as
///         `import_weights`
RECUR_API void negate_update_gate(const Spec& spec, std::int64_t layer,
                                  const BasicLayerWeights<TensorView>& weights);

}  // namespace recur
