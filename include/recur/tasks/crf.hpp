/// @file
/// Linear-chain conditional random field (Lafferty, McCallum & Pereira 2001). N is the number of labels.
///
/// The score of a label path l_0 .. l_{n-1} over a sequence of n steps is
///
///     start[l_0] + sum_t emissions[t][l_t] + sum_{t>0} transitions[l_{t-1}][l_t] + end[l_{n-1}]
///
/// and its probability is exp(score - log Z). log Z is the log-sum-exp of the scores of all N^n paths, which
/// the forward algorithm finds in n N^2 steps (Rabiner 1989). The weights are one tensor [N+2][N]: row 0 is
/// start, row 1 is end, and row 2 + i holds the transitions from label i, transitions[from][to].
///
/// A sequence of length 0 has one path, the empty one, with score 0. Its log Z, loss and decoded score are 0,
/// and it contributes no gradient. T and B may be 0; a call with T = 0 takes the workspace of T = 1.
///
/// Arithmetic is fp64 for f32 tensors too, rounded once when stored. The log-sum-exp takes out the largest
/// term, and every step is scaled, so that neither long sequences nor large scores cost precision. A score of
/// -inf forbids a label or a transition. A sequence without a permitted path has log Z = -inf and meaningless
/// gradients. NaN passes through; decoding then yields some path of valid labels.
///
/// These rules hold for every function of this file:
///
/// - Sequences run one after the other on the calling thread, so that the bits of a sequence do not depend on
///   the rest of the batch.
/// - Tensors lie in host memory. [T][B] stands for [B][T] where `layout` is batch-major. Emissions are f32 or
///   f64, and every other real tensor has their dtype. Lengths are clamped to [0, T].
/// - Outputs overlap nothing. Calls allocate nothing.
/// - A call checks its arguments before it writes anything.
///   @throws InvalidArgument  for a wrong shape, dtype, pointer, alignment or overlap, for a workspace that
///           is too small, and for a label out of range
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "recur/export.hpp"
#include "recur/run.hpp"
#include "recur/tensor.hpp"
#include "recur/types.hpp"

namespace recur::tasks {

/// Bytes of the workspace of a call. They grow with both arguments and do not depend on B or the dtype, so
/// that the size for the largest T serves every call. A workspace begins at a multiple of 64 bytes and holds
/// nothing between calls.
///
/// @param steps   T, at least 1
/// @param labels  N, at least 1
/// @throws InvalidArgument  for smaller numbers and for sizes that overflow
RECUR_API std::size_t crf_log_partition_workspace(std::int64_t steps, std::int64_t labels);
RECUR_API std::size_t crf_loss_workspace(std::int64_t steps, std::int64_t labels);
RECUR_API std::size_t crf_decode_workspace(std::int64_t steps, std::int64_t labels);

/// Arguments of `crf_log_partition`.
struct CrfLogPartitionArgs {
  ConstTensorView emissions;  ///< [T][B][N]
  ConstTensorView weights;    ///< [N+2][N]
  ConstTensorView lengths;    ///< int32 [B]; not given: every sequence has T steps
  TensorView log_partition;   ///< [B], log Z
  /// [T][B][N], probability of each label at each step, zero past the ends; not given: not computed. It is
  /// the gradient of log Z with respect to the emissions.
  TensorView marginals;
  Layout layout = Layout::time_major;
};

/// Computes log Z of every sequence, and the probabilities of the labels on request.
///
/// @param args       the tensors
/// @param workspace  `crf_log_partition_workspace` bytes
RECUR_API void crf_log_partition(const CrfLogPartitionArgs& args, std::span<std::byte> workspace);

/// Arguments of `crf_loss`.
struct CrfLossArgs {
  ConstTensorView emissions;  ///< [T][B][N]
  ConstTensorView weights;    ///< [N+2][N]
  ConstTensorView labels;     ///< int32 [T][B], in [0, N) inside the sequences, ignored past their ends
  ConstTensorView lengths;    ///< int32 [B]; not given: every sequence has T steps
  ConstTensorView dloss;      ///< [B], factor of each sequence in the gradients; not given: ones

  TensorView loss;        ///< [B], log Z - score of the labelled path
  TensorView demissions;  ///< [T][B][N], overwritten, zero past the ends; not given: not computed
  TensorView dweights;    ///< [N+2][N], sum over the batch in order; not given: not computed
  GradientMode mode = GradientMode::overwrite;  ///< of dweights
  Layout layout = Layout::time_major;
};

/// Computes the negative log likelihood of labelled paths and its gradients.
///
/// @param args       the tensors
/// @param workspace  `crf_loss_workspace` bytes
RECUR_API void crf_loss(const CrfLossArgs& args, std::span<std::byte> workspace);

/// Arguments of `crf_decode`.
struct CrfDecodeArgs {
  ConstTensorView emissions;  ///< [T][B][N]
  ConstTensorView weights;    ///< [N+2][N]
  ConstTensorView lengths;    ///< int32 [B]; not given: every sequence has T steps
  TensorView labels;          ///< int32 [T][B], the best path; -1 past the ends
  TensorView scores;          ///< [B], score of the best path, not normalised
  Layout layout = Layout::time_major;
};

/// Finds the best label path of every sequence (Viterbi 1967). Between paths of equal score the one with the
/// lowest last label wins, among those the one with the lowest label before it, and so on backwards.
///
/// @param args       the tensors
/// @param workspace  `crf_decode_workspace` bytes
RECUR_API void crf_decode(const CrfDecodeArgs& args, std::span<std::byte> workspace);

}  // namespace recur::tasks
