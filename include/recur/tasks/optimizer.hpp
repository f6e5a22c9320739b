/// @file Optimisers over caller-owned parameters and state in host memory. `recur/tasks/adam.hpp` owns Adam's
/// state.
///
/// These rules hold for every function of this file:
///
/// - A function takes one tensor of any rank, f32 or f64, and is called once for each tensor. Gradient and
///   state have its shape and dtype. No two of them overlap.
/// - Arithmetic is fp64, rounded once when stored.
/// - The threads of `team` share the work, which changes no bits; null stands for the calling thread alone.
/// - A call checks its arguments before it writes anything.
///   @throws InvalidArgument  for a wrong shape, dtype, pointer, alignment, overlap or option, and for a team
///           that runs another call
#pragma once

#include <cstdint>
#include <span>

#include "recur/context.hpp"
#include "recur/export.hpp"
#include "recur/tensor.hpp"

namespace recur::tasks {

/// Stochastic gradient descent with momentum, in the form
///
///     v <- momentum * v + gradient
///     parameter <- parameter - learning_rate * v
///
/// (Polyak 1964; the learning rate stands outside v, so changing it acts at once.)
struct SgdOptions {
  double learning_rate = 0.01;  ///< finite, >= 0
  double momentum = 0;          ///< in [0, 1)
};

/// One update by stochastic gradient descent.
///
/// @param options    learning rate and momentum
/// @param parameter  the tensor, updated in place
/// @param gradient   its gradient, read
/// @param velocity   v, updated in place; the caller zeroes it before the first step. Given exactly when
///                   `momentum` is not 0.
/// @param team       the threads, or null
RECUR_API void sgd_step(const SgdOptions& options, const TensorView& parameter,
                        const ConstTensorView& gradient, const TensorView& velocity = {},
                        ThreadTeam* team = nullptr);

/// Adam (Kingma & Ba 2015, arXiv:1412.6980, algorithm 1):
///
///     m <- beta1 * m + (1 - beta1) * gradient
///     v <- beta2 * v + (1 - beta2) * gradient^2
///     parameter <- parameter - learning_rate * (m / (1 - beta1^step)) / (sqrt(v / (1 - beta2^step)) +
///     epsilon)
struct AdamOptions {
  double learning_rate = 1e-3;  ///< finite, >= 0
  double beta1 = 0.9;           ///< in [0, 1)
  double beta2 = 0.999;         ///< in [0, 1)
  double epsilon = 1e-8;        ///< finite, > 0
};

/// One update by Adam.
///
/// @param options    learning rate and decay rates
/// @param step       1 for the first update of this tensor, 2 for the second, ...
/// @param parameter  the tensor, updated in place
/// @param gradient   its gradient, read
/// @param m          first moment, updated in place; the caller zeroes it before the first step
/// @param v          second moment, likewise
/// @param team       the threads, or null
RECUR_API void adam_step(const AdamOptions& options, std::int64_t step, const TensorView& parameter,
                         const ConstTensorView& gradient, const TensorView& m, const TensorView& v,
                         ThreadTeam* team = nullptr);

/// Clips gradients by their common Euclidean norm (Pascanu, Mikolov & Bengio 2013, arXiv:1211.5063, section
/// 3.2). Where the norm over all elements of all tensors is above `max_norm`, every element is scaled by
/// max_norm / norm. A norm that is NaN or infinite leaves the gradients as they are, for the caller to see.
///
/// @param gradients  at least one view, f32 or f64, scaled in place
/// @param max_norm   finite, > 0
/// @param team       the threads, or null
/// @return the norm before clipping, summed in fp64 in a fixed order
RECUR_API double clip_global_norm(std::span<const TensorView> gradients, double max_norm,
                                  ThreadTeam* team = nullptr);

}  // namespace recur::tasks
