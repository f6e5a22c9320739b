// What a plan says of steps that run one by one.
#pragma once

#include "host/gpu_pass/stepper.hpp"

namespace recur::host::stepwise {

std::shared_ptr<const gpu_pass::ForwardSteps> forward_steps();
std::shared_ptr<const gpu_pass::BackwardSteps> backward_steps();

}  // namespace recur::host::stepwise
