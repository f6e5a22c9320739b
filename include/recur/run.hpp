/// @file
/// Running a plan. Nothing here allocates or synchronises; every buffer is the caller's. (Except by the
/// references: `cudnn` makes the handle and descriptors of its library when a context first needs them,
/// `onednn` allocates.)
///
/// Common rules. T and B are read from x and may be anything from 0 to the plan's `Shape`. Views have inner
/// stride 1 and bases aligned to their elements (to 16 bytes on GPUs); outer strides are free, but rows of an
/// output must not overlap. Outputs overlap neither inputs nor each other, with one exception: for inference
/// hN may be h0 and cN may be c0. In a training plan they may not, since `backward` reads the initial states.
/// Buffers (`workspace`, `reserve`, prepared weights) are 64-byte aligned. NaN and Inf pass through. All that
/// the host can see is checked before anything is written; @throws InvalidArgument for a wrong shape, dtype,
/// pointer, alignment, overlap or a buffer too small, for a plan of another device than the context's, and
/// for a context already in a call.
///
/// T or B of 0 is a call with nothing to do, and no error: of no steps hN is h0 and cN is c0, zeros where
/// those are not given; dh0 is dhN and dc0 is dcN likewise. Gradients of weights are zero, or left as they
/// are where they accumulate. Views without elements may be null.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "recur/context.hpp"
#include "recur/export.hpp"
#include "recur/plan.hpp"
#include "recur/tensor.hpp"
#include "recur/weights.hpp"

namespace recur {

/// Arguments of `forward`. [T][B] stands for [B][T] where `Spec::layout` is batch-major; P is H where
/// `Spec::projection_size` is 0.
///
/// Meaning of lengths: clamped to [0, T], unsorted. Past a sequence's end y and c_sequence are zero, hN and
/// cN are the last valid states, and length 0 gives hN = h0. Reverse starts at the last valid step. Meaning
/// of reset_mask: a non-zero at t starts an episode at t. Forward clears the state before step t; reverse
/// clears it before step t-1. Only marks inside the valid steps count.
struct ForwardArgs {
  ConstTensorView x;           ///< [T][B][I]
  ConstTensorView h0;          ///< [L][D][B][P]; not given: zeros
  ConstTensorView c0;          ///< [L][D][B][H], lstm; not given: zeros
  ConstTensorView lengths;     ///< int32 [B], exactly when `Spec::variable_lengths`; device memory
  ConstTensorView reset_mask;  ///< uint8 [T][B], exactly when `Spec::reset_mask`; device memory
  /// Copy of `lengths` in host memory, for engines that need it; null where there is none. `cudnn` does, and
  /// throws Unsupported for a length below 1.
  const std::int32_t* host_lengths = nullptr;
  /// A length below 0 or above T is InvalidArgument, and not clamped, where the host can read lengths: on
  /// the CPU, or `host_lengths`. Elsewhere they are clamped. What ONNX wants; `onnx_layer` sets it.
  bool check_lengths = false;
  /// Training with `Spec::dropout`: which outputs are dropped. An output's fate is a function of this seed,
  /// its layer, t, b and unit alone, the same on every engine (docs/equations.md), so that each call of a
  /// training run wants a seed of its own, also those of one batch that is run in parts. `backward` needs
  /// none: the reserve tells. `cudnn` draws numbers of cuDNN's own; there equal seeds drop the same in calls
  /// of equal sizes.
  std::uint64_t dropout_seed = 0;

  TensorView y;           ///< [T][B][D*P], outputs of the last layer
  TensorView hN;          ///< [L][D][B][P]; not given: not written; for inference may be h0
  TensorView cN;          ///< [L][D][B][H], lstm; not given: not written; for inference may be c0
  TensorView c_sequence;  ///< [T][B][D*H], exactly when `Spec::cell_sequence`
};

/// Packs canonical weights into `buffer` (at least `Plan::sizes().prepared_weights` bytes) for inference.
/// The handle stays valid as long as the buffer; changed weights need a new call.
RECUR_API PreparedWeights prepare_weights(const Plan& plan, Context& context, Stream stream,
                                          std::span<const LayerWeights> weights, std::span<std::byte> buffer);

/// Runs the layers over a batch of sequences.
///
/// @param weights    canonical, or prepared for this plan's `layout_id` (inference plans only)
/// @param workspace  `Plan::sizes().workspace` bytes (`workspace_prepared` with prepared weights); its
/// content
///                   is of no use afterwards
/// @param reserve    training plans: `Plan::sizes().reserve` bytes, kept untouched until `backward`
RECUR_API void forward(const Plan& plan, Context& context, Stream stream, const Weights& weights,
                       const ForwardArgs& args, std::span<std::byte> workspace,
                       std::span<std::byte> reserve = {});

/// Arguments of `step`: one time step of a unidirectional stack, states updated in place.
struct StepArgs {
  ConstTensorView x;  ///< [B][I]
  TensorView y;       ///< [B][P]
  TensorView h;       ///< [L][1][B][P], read and overwritten
  TensorView c;       ///< [L][1][B][H], lstm, read and overwritten
};

/// Streaming: advances every layer by one step. Equals `forward` with T = 1 (to the bit under
/// `Options::batch_invariant`). @throws InvalidArgument for a training plan, a direction other than forward,
/// or a Spec with lengths, reset mask or cell sequence.
RECUR_API void step(const Plan& plan, Context& context, Stream stream, const Weights& weights,
                    const StepArgs& args, std::span<std::byte> workspace);

/// What `backward` does with the gradients of weights.
enum class GradientMode : std::uint8_t { overwrite, accumulate };

/// Arguments of `backward`. Inputs are those of the `forward` call that filled the reserve, unchanged. Where
/// the host can read the reserve (`cpu`, `onednn`), a call of another T or B, with an h0 or c0 that `forward`
/// did not have or without one that it had, with other lengths or with other reset marks, is InvalidArgument.
/// What nothing can see is the caller's to keep: other values in x, y, h0, c0 or the weights, and on a GPU
/// all of the above, give wrong gradients. Upstream gradients that are not given are zero; at least one must
/// be given. Gradients past a sequence's end are ignored in dy and dc_sequence and zero in dx.
struct BackwardArgs {
  ConstTensorView x;           ///< as in `forward`
  ConstTensorView h0;          ///< as in `forward`
  ConstTensorView c0;          ///< as in `forward`
  ConstTensorView lengths;     ///< as in `forward`
  ConstTensorView reset_mask;  ///< as in `forward`
  const std::int32_t* host_lengths = nullptr;
  ConstTensorView y;  ///< as `forward` wrote it

  ConstTensorView dy;           ///< [T][B][D*P]
  ConstTensorView dhN;          ///< [L][D][B][P]
  ConstTensorView dcN;          ///< [L][D][B][H], lstm
  ConstTensorView dc_sequence;  ///< [T][B][D*H], only with `Spec::cell_sequence`

  TensorView dx;   ///< [T][B][I]; not given: not computed
  TensorView dh0;  ///< [L][D][B][P]; not given: not written; may be dhN, which is then overwritten
  TensorView dc0;  ///< [L][D][B][H], lstm; not given: not written; may be dcN, likewise
  /// Gradients of the weights: empty, or L entries. Always written or accumulated in `Spec::dtype`.
  std::span<const LayerGradients> dweights;
  GradientMode mode = GradientMode::overwrite;
};

/// Back-propagation through time for a training plan. The reserve is only read: a second call gives the same
/// bits. Gradients of bW and bR differ only for gru with reset after the product; both are given.
///
/// @param weights    canonical, the ones `forward` used
/// @param workspace  `Plan::sizes().workspace_backward` bytes
RECUR_API void backward(const Plan& plan, Context& context, Stream stream,
                        std::span<const LayerWeights> weights, const BackwardArgs& args,
                        std::span<const std::byte> reserve, std::span<std::byte> workspace);

}  // namespace recur
