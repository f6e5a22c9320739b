// The forward schedule of the CPU engine.
#pragma once

#include "host/context_state.hpp"
#include "host/cpu/buffers.hpp"

namespace recur::host::cpu {

// What a run needs of its plan.
template <class T>
struct PlanView {
  const Geometry& geometry;
  const Kernels<T>& kernels;
  bool training;
  std::uint64_t layout_id;
  const GateFunctions<Arithmetic<T>>* functions;  // by direction; null: the cell's own
};

template <class T>
void prepare(const PlanView<T>& plan, std::span<const LayerWeights> weights, std::byte* buffer);

template <class T>
void run_forward(const PlanView<T>& plan, Context::State& context, const ForwardCall& call);

}  // namespace recur::host::cpu
