// Checks of the arguments of a call against its plan, the same for every engine. All of them come before the
// engine is asked to do anything.
#pragma once

#include "host/check.hpp"
#include "host/engine.hpp"

namespace recur::host {

// Bases that the plan's engine does not take.
void validate_alignment(const Plan& plan, std::string_view name, const ConstTensorView& view);
void validate_weights(const Job& job, std::span<const LayerWeights> weights);
// All of a forward call in inference but its tensors.
void validate_inference(const Plan& plan, const Context& context, const Weights& weights,
                        std::span<std::byte> workspace);
// Checks the alignment of a call's weights and notes their memory.
void add_weights(const Plan& plan, const Weights& weights, OverlapCheck& overlap);
RunSizes validate_forward(const Plan& plan, const Context& context, const Weights& weights,
                          const ForwardArgs& args, std::span<std::byte> workspace,
                          std::span<std::byte> reserve);
RunSizes validate_backward(const Plan& plan, const Context& context, std::span<const LayerWeights> weights,
                           const BackwardArgs& args, std::span<const std::byte> reserve,
                           std::span<std::byte> workspace);
void validate_prepare(const Plan& plan, const Context& context, std::span<const LayerWeights> weights,
                      std::span<std::byte> buffer);

}  // namespace recur::host
