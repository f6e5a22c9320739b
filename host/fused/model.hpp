// What a step costs by the fused kernel, and by a product and a gate kernel, predicted from what a chip is. No run
// has confirmed it: docs/engines/fused.md has its assumptions.
#pragma once

#include <optional>
#include <string>

#include "host/engine.hpp"
#include "kernels/fused/tile.hpp"

namespace recur::host::fused {

using recur::fused::Operands;

// What a step is for the model.
struct StepShape {
  cells::Traits traits;
  Operands operands;
  std::int64_t hidden;      // H
  std::int64_t batch;       // B
  std::int64_t directions;  // D
};
// Of a job that the engine takes.
StepShape step_shape_of(const Job& job);

// What the kernels for a storage type multiply.
Operands operands_of(DataType type, bool tf32);

// Whether kernels of the chip can start before the ones before them have ended.
bool has_dependent_launches(const CudaProps& chip);

// Seconds of a step of all directions: by the fused kernel, a launch for each phase, and by a product and a gate
// kernel for each phase and direction. Pure functions.
double fused_step_seconds(const StepShape& shape, const CudaProps& chip);
// Of backward. Its separate kernels multiply as much as those of forward, and cost as much.
double fused_backward_step_seconds(const StepShape& shape, const CudaProps& chip);
double separate_step_seconds(const StepShape& shape, const CudaProps& chip);

// Whether backward goes by the fused kernel, too.
bool has_fused_backward(const StepShape& shape, const CudaProps& chip);

// Why a product and a gate kernel would be faster in forward, and in training in both passes with the faster backward
// of the two; empty where they would not.
std::optional<std::string> slower_than_separate(const StepShape& shape, bool training, const CudaProps& chip);

// Texts for Plan::tile().
std::string describe(const StepShape& shape, const CudaProps& chip);
std::string describe_backward(const StepShape& shape, const CudaProps& chip);

}  // namespace recur::host::fused
