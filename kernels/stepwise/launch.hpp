// The kernels of a step as plain functions: what the host sees of them. As kernels/gpu_pass/launch.hpp, whose
// arguments they take.
#pragma once

#include "kernels/gpu_pass/launch.hpp"

namespace recur::stepwise {

using gpu_pass::BackwardStep;
using gpu_pass::CollectGradient;
using gpu_pass::ForwardStep;
using gpu_pass::StoreProjection;

// The kernels of a step: the name of each and what it takes. Whatever names them all reads this list.
#define RECUR_STEPWISE_KERNELS(X)                                                                     \
  X(forward_step,                                                                                     \
    (cells::Variant variant, int phase, const recur::gpu_pass::ForwardStep& arguments, void* stream)) \
  X(store_projection, (const recur::gpu_pass::StoreProjection& arguments, void* stream))              \
  X(collect_gradient, (const recur::gpu_pass::CollectGradient& arguments, void* stream))              \
  X(backward_step,                                                                                    \
    (cells::Variant variant, int phase, const recur::gpu_pass::BackwardStep& arguments, void* stream))

// Those of one storage type.
template <DataType kType>
struct Kernels {
// NOLINTNEXTLINE(bugprone-macro-parentheses): a list of parameters
#define RECUR_DECLARE(name, parameters) static void name parameters;
  RECUR_STEPWISE_KERNELS(RECUR_DECLARE)
#undef RECUR_DECLARE
};

}  // namespace recur::stepwise
