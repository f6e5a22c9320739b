// The forward schedule of the CPU engine.
#pragma once

#include "host/context_state.hpp"
#include "host/cpu/buffers.hpp"

namespace recur::host::cpu {

// What a run needs of its plan.
template <class E>
struct PlanView {
  const Geometry& geometry;
  const Kernels<E>& kernels;
  bool training;
  std::uint64_t layout_id;
  const TypedActivations<Arithmetic<E>>* activations;  // by direction; null: the cell's own
};

template <class E>
void prepare(const PlanView<E>& plan, std::span<const LayerWeights> weights, std::byte* buffer);

template <class E>
void run_forward(const PlanView<E>& plan, Context::State& context, const ForwardCall& call);

}  // namespace recur::host::cpu
