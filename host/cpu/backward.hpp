// The backward schedule of the CPU engine.
#pragma once

#include "host/cpu/forward.hpp"

namespace recur::host::cpu {

template <class E>
void run_backward(const PlanView<E>& plan, Context::State& context, const BackwardCall& call);

}  // namespace recur::host::cpu
