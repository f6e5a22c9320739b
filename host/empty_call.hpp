// Calls of no steps or no sequences. They ask no engine, since there is nothing to compute: states pass
// through, the gradients of the weights are zero, and every other tensor has no elements.
#pragma once

#include "host/engine.hpp"

namespace recur::host {

constexpr bool is_empty(const RunSizes& sizes) { return sizes.steps == 0 || sizes.batch == 0; }

// Throw InvalidArgument where the context is on a device that is only described. On a GPU all is put on the
// stream.
void check_empty_call(const Context::State& context);
void forward_of_nothing(Context::State& context, const ForwardCall& call);
void backward_of_nothing(Context::State& context, const BackwardCall& call);

}  // namespace recur::host
