// The calls of the oneDNN engine: layer after layer, each one primitive.
#pragma once

#include <cstddef>
#include <span>

#include "host/onednn/buffers.hpp"

namespace recur::host::onednn {

// What a run needs of its plan.
struct PlanView {
  const Stack& stack;  // of the call's T and B
  std::uint64_t layout_id;
};

void prepare(const PlanView& plan, std::span<const LayerWeights> weights, std::byte* buffer);
void run_forward(const PlanView& plan, const ForwardCall& call);
void run_backward(const PlanView& plan, const BackwardCall& call);

}  // namespace recur::host::onednn
