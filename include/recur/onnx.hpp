/// @file
/// The operators RNN, GRU and LSTM of ONNX (versions 7, 14 and 22 of its operator sets) as layers of this
/// library. An importer copies a node's attributes and tensors to the structs below; nothing here knows of
/// protobuf. Source: https://onnx.ai/onnx/operators, the pages of RNN, GRU and LSTM.
///
///     const OnnxLayer layer = onnx_layer(attributes, inputs, outputs);
///     import_weights(WeightFormat::onnx, layer.spec, 0, layer.weights, canonical);
///     const Plan plan = make_plan(layer.spec, layer.shape, device);
///     forward(plan, context, stream, weights, layer.args, workspace);
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "recur/export.hpp"
#include "recur/run.hpp"
#include "recur/spec.hpp"
#include "recur/tensor.hpp"

namespace recur {

/// A node's attributes, with ONNX's names and defaults.
struct OnnxAttributes {
  std::string op_type;                           ///< "RNN", "GRU" or "LSTM"
  std::optional<std::int64_t> hidden_size = {};  ///< H; where it is empty, R gives H
  std::string direction = "forward";             ///< or "reverse", "bidirectional"
  /// 0: X [T][B][I], Y [T][D][B][H], states [D][B][H]; 1: X [B][T][I], Y [B][T][D][H], states [B][D][H]
  std::int64_t layout = 0;
  std::int64_t linear_before_reset = 0;  ///< GRU; not 0: `GruReset::after`
  std::int64_t input_forget = 0;         ///< LSTM; 1: `Spec::coupled_input_forget`
  /// Names of functions: f for RNN, f g for GRU, f g h for LSTM, and twice as many for two directions. Upper
  /// and lower case are the same. Empty means that the attribute is not given.
  std::vector<std::string> activations = {};
  /// Values for those of `activations` that have an alpha, in their order; `activation_beta` likewise.
  /// Functions after the last value have the default of ONNX's operator of that name, Affine has 1 and 0, and
  /// ScaledTanh has no default.
  std::vector<float> activation_alpha = {};
  std::vector<float> activation_beta = {};
  std::optional<float> clip = {};  ///< `Spec::clip`, above 0; infinity and empty mean no clip
};

/// A node's inputs. An optional input that the node lacks is a view that is not given. X, the states and
/// sequence_lens lie where `forward` reads its arguments, W, R, B and P where `import_weights` does. G is 1,
/// 3 or 4. `OnnxAttributes::layout` gives the shapes that are marked "by layout".
struct OnnxInputs {
  ConstTensorView X = {};              ///< by layout
  ConstTensorView W = {};              ///< [D][G*H][I]
  ConstTensorView R = {};              ///< [D][G*H][H]
  ConstTensorView B = {};              ///< [D][2*G*H]
  ConstTensorView sequence_lens = {};  ///< int32 [B], each from 0 to T: see `ForwardArgs::check_lengths`
  ConstTensorView initial_h = {};      ///< by layout
  ConstTensorView initial_c = {};      ///< LSTM, by layout
  ConstTensorView P = {};              ///< LSTM [D][3*H]
};

/// A node's outputs. An output that the node lacks is a view that is not given.
struct OnnxOutputs {
  TensorView Y = {};    ///< by layout
  TensorView Y_h = {};  ///< by layout
  TensorView Y_c = {};  ///< LSTM, by layout
};

/// A node as a layer. Its views refer to the memory of the node's views.
struct OnnxLayer {
  Spec spec;
  Shape shape;  ///< T and B of X, for a plan; 1 where X has a size of 0
  /// W and R, and B and P where they are given: the tensors that `import_weights` takes for
  /// `WeightFormat::onnx`.
  std::vector<ConstTensorView> weights;
  /// All arguments of `forward`, but y where it cannot be the memory of Y. That is so where the node has no
  /// Y, and where Y keeps the directions of a step apart, as Y of two directions in layout 0 does. The caller
  /// then brings memory for y, and calls `store_onnx_y` afterwards where the node has a Y.
  ForwardArgs args;
  TensorView Y;  ///< the node's output Y
};

/// Converts a node to a layer. `make_plan` refuses a layer that no engine can run. `forward` refuses a length
/// below 0 or above T, which ONNX does not allow, where the host can read lengths: on the CPU, or where
/// `args.host_lengths` is set. On a GPU without it such a length is clamped.
///
/// @param attributes  the node's attributes, copied
/// @param inputs      the node's inputs, whose memory the result refers to
/// @param outputs     the node's outputs, likewise
/// @throws InvalidArgument  for attributes and tensors that ONNX does not allow: an operator, a direction or
///         a function that it does not have, a wrong number of functions, more alphas or betas than the
///         functions take, a wrong shape or dtype, an input of an LSTM for another operator. Messages have
///         ONNX's names.
/// @throws Unsupported  for a clip of 0, which a Spec cannot express
RECUR_API OnnxLayer onnx_layer(const OnnxAttributes& attributes, const OnnxInputs& inputs,
                               const OnnxOutputs& outputs);

/// Moves y, which `forward` wrote for the layer, to the node's Y. Both lie in host memory.
///
/// @param layer  the node as a layer
/// @param y      [T][B][D*H], or [B][T][D*H] in layout 1, read; it does not overlap Y
/// @throws InvalidArgument  where the node has no Y, where y has another shape or dtype or overlaps Y, and
///         where the layer was changed to one that can never work
RECUR_API void store_onnx_y(const OnnxLayer& layer, const ConstTensorView& y);

}  // namespace recur
