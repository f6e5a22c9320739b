/// @file
/// Calls that run a plan. They allocate nothing and never synchronise; every buffer is the caller's. The
/// references are exceptions: `cudnn` makes the handle and descriptors of its library when a context first
/// needs them, and `onednn` allocates handles in each call.
///
///     Context context(device);
///     ForwardArgs args;
///     args.x = {x, {T, B, I}};
///     args.y = {y, {T, B, H}};
///     forward(plan, context, stream, layers, args, workspace);
///
/// These rules hold for every function of this file:
///
/// - Sizes. x gives T and B, each from 0 to the plan's `Shape`. P is H where `Spec::projection_size` is 0.
///   [T][B] stands for [B][T] where `Spec::layout` is batch-major.
/// - Types. Every tensor has the dtype `Spec::dtype`, but lengths (int32) and the reset mask (uint8).
/// - Views. The inner stride is 1. Bases are aligned to their elements, on GPUs to 16 bytes. Outer strides
///   are free, but the rows of an output must not overlap.
/// - Aliasing. An output overlaps neither an input nor another output nor a buffer. Two pairs are exceptions:
///   in an inference plan hN may be h0 and cN may be c0, and in `backward` dh0 may be dhN and dc0 may be dcN.
///   A training plan refuses the former, since `backward` reads the initial states.
/// - Place. Tensors and buffers lie where the plan's device reads them: in host memory for a CPU plan, in
///   device memory for a CUDA plan.
/// - Buffers (workspace, reserve, prepared weights) begin at a multiple of 64 bytes.
/// - Order. All work of a call is ordered with the caller's stream. On the CPU a call returns when its work
///   is done.
/// - Values. NaN and Inf pass through.
/// - Nothing to do. A call with T or B of 0 is valid. With T = 0, hN is h0 and cN is c0, or zeros where these
///   are not given; dh0 is dhN and dc0 is dcN likewise. The gradients of the weights are zero, or stay as
///   they are where they accumulate. Views without elements may be null.
/// - Errors. A call checks all that the host can see before it writes anything.
///   @throws InvalidArgument  for a wrong shape, dtype, pointer, stride, alignment or overlap; for a buffer
///           that is too small; for a tensor that the Spec does not have, or a missing one that it has; for a
///           context on another device than the plan's, one whose team has too few threads, and one that is
///           already in a call
///   @throws Unsupported  where the machine lacks the instruction set of a CPU plan, and where a reference's
///           library refuses the sizes or lengths of the call
///   @throws DeviceError  where the device or a vendor's library reports a failure; outputs are then
///           undefined
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "recur/context.hpp"
#include "recur/export.hpp"
#include "recur/forest.hpp"
#include "recur/plan.hpp"
#include "recur/tensor.hpp"
#include "recur/weights.hpp"

namespace recur {

/// Arguments of `forward`. A view that is not given is an input that is absent, or an output that is not
/// wanted.
///
/// Lengths are clamped to [0, T] and need no order. Past a sequence's end y and c_sequence are zero, and hN
/// and cN are the last valid states; a length of 0 gives hN = h0 and cN = c0. The reverse direction starts at
/// the last valid step.
///
/// A reset mark is a non-zero value of reset_mask. A mark at step t starts an episode there: the forward
/// direction clears the state before step t, the reverse direction clears it before step t-1. Only marks
/// inside the valid steps count.
struct ForwardArgs {
  ConstTensorView x;           ///< [T][B][I], read
  ConstTensorView h0;          ///< [L][D][B][P], read; zeros where it is not given
  ConstTensorView c0;          ///< [L][D][B][H], lstm only, read; zeros where it is not given
  ConstTensorView lengths;     ///< int32 [B], given exactly when `Spec::variable_lengths`
  ConstTensorView reset_mask;  ///< uint8 [T][B], given exactly when `Spec::reset_mask`
  /// What every row continues, in host memory; given exactly when `Spec::forest`. T is 1 then, and h0 and c0 have
  /// the rows of the first level alone, in place of B. hN and cN have the states after every row.
  const Forest* forest = nullptr;
  /// A copy of `lengths`, B values in host memory, or null. `cudnn` needs it and throws Unsupported for a
  /// length below 1; other engines read `lengths` alone.
  const std::int32_t* host_lengths = nullptr;
  /// Makes a length below 0 or above T an InvalidArgument where the host can read lengths: on the CPU, or in
  /// `host_lengths`. Elsewhere, and by default, such a length is clamped. `onnx_layer` sets it, as ONNX
  /// wants.
  bool check_lengths = false;
  /// Names which outputs a training call drops where `Spec::dropout` is above 0. Whether an output is dropped
  /// is a function of this seed, its layer, t, b and unit alone, and the same on every engine but `cudnn`
  /// (docs/equations.md). So each call of a training wants a seed of its own, also calls that run one batch
  /// in parts. `backward` finds the seed in the reserve. `cudnn` draws numbers of its own; there equal seeds
  /// drop the same outputs in calls of equal sizes.
  std::uint64_t dropout_seed = 0;

  TensorView y;           ///< [T][B][D*P], outputs of the last layer, written; required
  TensorView hN;          ///< [L][D][B][P], written where given; in an inference plan it may be h0
  TensorView cN;          ///< [L][D][B][H], lstm only, written where given; in an inference plan it may be c0
  TensorView c_sequence;  ///< [T][B][D*H], written; given exactly when `Spec::cell_sequence`
};

/// Packs canonical weights for inference.
///
/// @param plan     a plan for inference
/// @param context  a context on the plan's device
/// @param stream   the stream that the work is ordered with
/// @param weights  L layers of canonical weights (weights.hpp), read
/// @param buffer   at least `Plan::sizes().prepared_weights` bytes, written; overlaps no weight
/// @return a handle that stays valid as long as the buffer does, for every plan of equal `Plan::layout_id`.
///         Changed weights need a new call.
/// @throws InvalidArgument  also for a training plan, which takes canonical weights
RECUR_API PreparedWeights prepare_weights(const Plan& plan, Context& context, Stream stream,
                                          std::span<const LayerWeights> weights, std::span<std::byte> buffer);

/// Runs the layers over a batch of sequences.
///
/// @param plan       the plan; `Options::pass` says whether the call fills a reserve
/// @param context    a context on the plan's device
/// @param stream     the stream that the work is ordered with
/// @param weights    canonical weights of L layers, or weights prepared for this plan's `layout_id`
///                   (inference plans only), read
/// @param args       the tensors
/// @param workspace  at least `Plan::sizes().workspace` bytes, or `workspace_prepared` with prepared weights;
///                   its content is of no use afterwards
/// @param reserve    training plans: at least `Plan::sizes().reserve` bytes, written; keep it unchanged until
///                   `backward`. Inference plans ignore it.
/// @throws InvalidArgument  also for weights prepared for another layout, and for lengths outside [0, T]
///         where `ForwardArgs::check_lengths` is set
RECUR_API void forward(const Plan& plan, Context& context, Stream stream, const Weights& weights,
                       const ForwardArgs& args, std::span<std::byte> workspace,
                       std::span<std::byte> reserve = {});

/// Arguments of `step`: one time step of a stack of layers in the forward direction.
struct StepArgs {
  ConstTensorView x;  ///< [B][I], read
  TensorView y;       ///< [B][P], written
  TensorView h;       ///< [L][1][B][P], read and overwritten
  TensorView c;       ///< [L][1][B][H], lstm only, read and overwritten
};

/// Advances every layer by one step and updates the states in place. The result equals that of `forward` with
/// T = 1, to the bit under `Options::batch_invariant`.
///
/// @param plan       an inference plan with `Direction::forward` and without lengths, reset mask, cell
///                   sequence and forest
/// @param context    a context on the plan's device
/// @param stream     the stream that the work is ordered with
/// @param weights    as in `forward`
/// @param args       the tensors; all of them are required, but c for a cell without a cell state
/// @param workspace  as in `forward`
/// @throws InvalidArgument  also for a plan of another kind
RECUR_API void step(const Plan& plan, Context& context, Stream stream, const Weights& weights,
                    const StepArgs& args, std::span<std::byte> workspace);

/// Makes the input of step t + 1 from the output of step t. It puts that work on the stream; on the CPU the
/// work is done when it returns. It may make calls of its own on the stream, also in the same context and with
/// the same workspace.
///
/// @param user    `GenerateArgs::user`
/// @param stream  the stream of the call; in `GraphRun::generate` the one that records
/// @param t       the step, from 0 to T - 2
/// @param y       [B][P], the output of step t, read
/// @param x       [B][I], `GenerateArgs::x`, to be written
using Feed = void (*)(void* user, Stream stream, std::int64_t t, const ConstTensorView& y,
                      const TensorView& x);

/// Arguments of `generate`. y gives T, which may be above the plan's.
struct GenerateArgs {
  /// [B][I], the input of step 0, read. With a feed also written: the input of every step after it.
  TensorView x;
  TensorView y;  ///< [T][B][P], written; on GPUs each y[t] begins at a multiple of 16 bytes
  TensorView h;  ///< [L][1][B][P], read and overwritten
  TensorView c;  ///< [L][1][B][H], lstm only, read and overwritten
  /// Called once between two steps, T - 1 times in all. Null: y of a step is the next input as it lies, without
  /// a copy, and I must equal P.
  Feed feed = nullptr;
  void* user = nullptr;  ///< handed to the feed
};

/// Runs T steps, each of which takes its input from the output of the step before. The result equals that of T
/// calls of `step`, to the bit. Calls can follow each other: the states stay in h and c, and the caller makes
/// the next x from the last y.
///
/// The work of all steps, and of a feed that puts its own on the stream, is ordered on the stream without
/// waiting for it on the host. An exception of the feed ends the call after the step before it. With T or B of
/// 0 there is nothing to do, and the feed is not called. The context is locked in each step alone: a call of
/// another thread in it while this one runs makes either of them fail.
///
/// @param plan       as in `step`; a plan of T = 1 serves every T
/// @param context    a context on the plan's device
/// @param stream     the stream that the work is ordered with
/// @param weights    as in `forward`
/// @param args       the tensors; all of them are required, but c for a cell without a cell state
/// @param workspace  as in `forward`
/// @throws InvalidArgument  also for a plan that `step` refuses, and for no feed where I differs from P
RECUR_API void generate(const Plan& plan, Context& context, Stream stream, const Weights& weights,
                        const GenerateArgs& args, std::span<std::byte> workspace);

/// What `backward` does with the gradients of the weights.
enum class GradientMode : std::uint8_t {
  overwrite,   ///< writes them
  accumulate,  ///< adds them to what is there
};

/// Arguments of `backward`. The inputs of `forward` come again, with the values that they had in the call
/// that filled the reserve.
///
/// Where the host can read the reserve (`cpu`, `onednn`), `backward` refuses a call that differs from that
/// `forward` in T or B, in which of h0 and c0 are given, in the lengths, in the reset marks or in the forest.
/// Nothing can see other values in x, y, h0, c0 or the weights, nor any of this on a GPU: such a call gives
/// wrong gradients.
///
/// An upstream gradient that is not given is zero; at least one must be given. Past a sequence's end the
/// values of dy and dc_sequence are ignored, and dx is zero.
struct BackwardArgs {
  ConstTensorView x;                           ///< as in `forward`
  ConstTensorView h0;                          ///< as in `forward`
  ConstTensorView c0;                          ///< as in `forward`
  ConstTensorView lengths;                     ///< as in `forward`
  ConstTensorView reset_mask;                  ///< as in `forward`
  const Forest* forest = nullptr;              ///< as in `forward`; dh0 and dc0 have the rows of h0 and c0
  const std::int32_t* host_lengths = nullptr;  ///< as in `forward`
  ConstTensorView y;                           ///< [T][B][D*P], as `forward` wrote it

  ConstTensorView dy;   ///< [T][B][D*P], gradient of y, read
  ConstTensorView dhN;  ///< [L][D][B][P], gradient of hN, read
  ConstTensorView dcN;  ///< [L][D][B][H], lstm only, gradient of cN, read
  ConstTensorView
      dc_sequence;  ///< [T][B][D*H], gradient of c_sequence, read; only with `Spec::cell_sequence`

  TensorView dx;   ///< [T][B][I], overwritten where given
  TensorView dh0;  ///< [L][D][B][P], overwritten where given; it may be dhN
  TensorView dc0;  ///< [L][D][B][H], lstm only, overwritten where given; it may be dcN
  /// Gradients of the weights in `Spec::dtype`: empty, or L entries. A view that is not given is not
  /// computed.
  std::span<const LayerGradients> dweights;
  /// Holds for `dweights` alone.
  GradientMode mode = GradientMode::overwrite;
};

/// Back-propagates through time. The reserve is only read, so that a second call gives the same bits. The
/// gradients of bW and bR differ only for gru with reset after the product; each is computed where its view
/// is given.
///
/// @param plan       the training plan of the `forward` call
/// @param context    a context on the plan's device
/// @param stream     the stream that the work is ordered with
/// @param weights    L layers of canonical weights, those that `forward` used, read
/// @param args       the tensors
/// @param reserve    the bytes that `forward` filled, read
/// @param workspace  at least `Plan::sizes().workspace_backward` bytes; its content is of no use afterwards
/// @throws InvalidArgument  also for an inference plan, for a call without an upstream gradient, and for a
///         reserve of another plan or call where the host can read it
RECUR_API void backward(const Plan& plan, Context& context, Stream stream,
                        std::span<const LayerWeights> weights, const BackwardArgs& args,
                        std::span<const std::byte> reserve, std::span<std::byte> workspace);

}  // namespace recur
