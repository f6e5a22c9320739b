/// @file
/// Optimisers over caller-owned parameters and state. Host memory. `team` has threads that share the work,
/// which changes no bits; null is the calling thread alone. `recur/tasks/adam.hpp` owns Adam's state.
///
/// Every function takes one tensor of any rank, f32 or f64, and is called once per tensor; gradient and state
/// have its shape and dtype. Arithmetic is fp64, rounded once when stored. Nothing overlaps anything else.
/// @throws InvalidArgument everywhere for a wrong shape, dtype, pointer, alignment, overlap or option, and
/// for a team that runs another call, before anything is written.
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

/// @param velocity  v, zeroed by the caller before the first step, updated here. Given exactly when
///                  `momentum` is not 0.
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

/// @param step  1 for the first update of this tensor, 2 for the second, ...
/// @param m     first moment, zeroed by the caller before the first step, updated here
/// @param v     second moment, likewise
RECUR_API void adam_step(const AdamOptions& options, std::int64_t step, const TensorView& parameter,
                         const ConstTensorView& gradient, const TensorView& m, const TensorView& v,
                         ThreadTeam* team = nullptr);

/// Clips gradients by their common Euclidean norm (Pascanu, Mikolov & Bengio 2013, arXiv:1211.5063, section
/// 3.2): where the norm over all elements of all tensors is above `max_norm`, everything is scaled by
/// max_norm / norm. A norm that is NaN or infinite leaves the gradients as they are, for the caller to see.
///
/// @param gradients  at least one view, f32 or f64
/// @param max_norm   finite, > 0
/// @return the norm before clipping, summed in fp64 in a fixed order
RECUR_API double clip_global_norm(std::span<const TensorView> gradients, double max_norm,
                                  ThreadTeam* team = nullptr);

}  // namespace recur::tasks
