// The backward pass of engines on GPUs.
#pragma once

#include "host/gpu_pass/stepper.hpp"

namespace recur::host::gpu_pass {

void run_backward(const PassPlan& plan, gpu::DeviceResources& resources, const BackwardCall& call);

}  // namespace recur::host::gpu_pass
