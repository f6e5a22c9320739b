// The forward pass of engines on GPUs.
#pragma once

#include "host/gpu_pass/stepper.hpp"

namespace recur::host::gpu_pass {

void prepare(const Geometry& g, gpu::DeviceResources& resources, Stream stream,
             std::span<const LayerWeights> weights, std::byte* buffer);
void run_forward(const PassPlan& plan, gpu::DeviceResources& resources, bool training,
                 const ForwardCall& call);

}  // namespace recur::host::gpu_pass
