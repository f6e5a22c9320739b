/// @file
/// Losses: value and gradient in one pass. N is the number of classes. Tensors lie in host memory, and the
/// calling thread or a team does the work. Sums are fp64 and run in one fixed order, whatever the threads.
/// R, T and B may be 0: the mean of nothing is 0.
#pragma once

#include "recur/context.hpp"
#include "recur/export.hpp"
#include "recur/tensor.hpp"
#include "recur/types.hpp"

namespace recur::tasks {

/// The mean over all elements of (prediction - target)^2.
///
/// @param prediction   [R][O], f32 or f64
/// @param target       [R][O], dtype of `prediction`
/// @param dprediction  [R][O], 2 (prediction - target) / (R * O); not given: not computed. Overlaps nothing.
/// @param team         threads that share the work, which changes no bits; null: the calling thread alone
/// @throws InvalidArgument for a wrong shape, dtype, pointer, alignment or overlap, and for a team that runs
///         another call, before anything is written.
RECUR_API double mean_squared_error(const ConstTensorView& prediction, const ConstTensorView& target,
                                    const TensorView& dprediction = {}, ThreadTeam* team = nullptr);

/// Arguments of `softmax_cross_entropy`. [T][B] stands for [B][T] where `layout` is batch-major.
struct CrossEntropyArgs {
  ConstTensorView logits = {};   ///< [T][B][N], f32 or f64
  ConstTensorView labels = {};   ///< int32 [T][B], in [0, N) inside the sequences, ignored past their ends
  ConstTensorView lengths = {};  ///< int32 [B], clamped to [0, T]; not given: every sequence has T steps
  TensorView dlogits = {};  ///< [T][B][N], dtype of `logits`, zero past the ends; not given: not computed
  Layout layout = Layout::time_major;
  ThreadTeam* team = nullptr;  ///< as in `mean_squared_error`
};

/// The mean over all valid steps of -log softmax(logits)[label], with a numerically stable logarithm. The
/// gradient is (softmax(logits) - onehot(label)) / steps. Without any valid step the value and the gradients
/// are 0.
///
/// @param args  the tensors
/// @return the mean
/// @throws InvalidArgument for a wrong shape, dtype, pointer, alignment or overlap, and for a label outside
///         [0, N) at a valid step, before anything is written.
RECUR_API double softmax_cross_entropy(const CrossEntropyArgs& args);

}  // namespace recur::tasks
