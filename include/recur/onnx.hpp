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
  std::optional<std::int64_t> hidden_size = {};  ///< H; not given: as R has it
  std::string direction = "forward";             ///< or "reverse", "bidirectional"
  /// 0: X [T][B][I], Y [T][D][B][H], states [D][B][H]; 1: X [B][T][I], Y [B][T][D][H], states [B][D][H]
  std::int64_t layout = 0;
  std::int64_t linear_before_reset = 0;  ///< GRU; not 0: `GruReset::after`
  std::int64_t input_forget = 0;         ///< LSTM; 1: `Spec::coupled_input_forget`
  /// RNN f; GRU f g; LSTM f g h; twice as many for two directions; upper and lower case are the same. Empty:
  /// not given.
  std::vector<std::string> activations = {};
  /// Taken in their order by those of `activations` that have an alpha, or a beta. Those that come after the
  /// last value have the default of ONNX's operator of that name; Affine 1 and 0; ScaledTanh has none.
  std::vector<float> activation_alpha = {};
  std::vector<float> activation_beta = {};
  std::optional<float> clip = {};  ///< above 0; infinity is none; see `Spec::clip`
};

/// A node's inputs; an optional one that is absent is not given. X, the states and sequence_lens are as
/// `forward` takes its arguments; W, R, B and P as `import_weights` does. G is 1, 3 or 4.
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

/// A node's outputs, shapes by layout.
struct OnnxOutputs {
  TensorView Y = {};
  TensorView Y_h = {};
  TensorView Y_c = {};  ///< LSTM
};

/// A node as a layer. Views are of the memory that the node's views are of.
struct OnnxLayer {
  Spec spec;
  Shape shape;  ///< T and B of X, for a plan: 1 where X has none
  /// W, R, and B and P where they are given: what `import_weights` takes for `WeightFormat::onnx`.
  std::vector<ConstTensorView> weights;
  /// All of them. y is not given where it cannot be Y's memory, and the caller brings some: where there is no
  /// Y, or where Y keeps the directions of a step apart, as that of two directions in layout 0 does; then
  /// `store_onnx_y` follows.
  ForwardArgs args;
  TensorView Y;  ///< the node's
};

/// The layer that a node is.
///
/// @throws InvalidArgument for attributes and tensors that ONNX does not allow: an operator, a direction or a
/// function that it does not have, a wrong number of functions, more alphas or betas than functions take, a
/// wrong shape or dtype, an input of an LSTM for another operator. Messages have ONNX's names.
/// @throws Unsupported for what a Spec cannot say: a clip of 0.
///
/// What no engine does `make_plan` refuses. A length below 0 or above T, which ONNX does not allow, `forward`
/// refuses where the host can read lengths: on the CPU, or where `args.host_lengths` is set. On a GPU without
/// it such a length is clamped.
RECUR_API OnnxLayer onnx_layer(const OnnxAttributes& attributes, const OnnxInputs& inputs,
                               const OnnxOutputs& outputs);

/// Moves y [T][B][D*H] ([B][T][D*H] in layout 1), which `forward` wrote for the layer, to Y. Host memory.
///
/// @throws InvalidArgument where the node has no Y, y has another shape or dtype, the two overlap, or the
/// layer was changed to one that can never work.
RECUR_API void store_onnx_y(const OnnxLayer& layer, const ConstTensorView& y);

}  // namespace recur
