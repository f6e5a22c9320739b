// Checks of the arguments of calls that run a plan one step at a time, by the names and shapes that these calls
// give them.
#pragma once

#include "host/engine.hpp"

namespace recur::host {

// What `forward`, which `step` calls, does not check in these words.
void validate_step(const Plan& plan, const StepArgs& args);
RunSizes validate_generate(const Plan& plan, const Context& context, const Weights& weights,
                           const GenerateArgs& args, std::span<std::byte> workspace);

}  // namespace recur::host
