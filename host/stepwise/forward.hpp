// The forward pass of the stepwise engine.
#pragma once

#include "host/stepwise/geometry.hpp"

namespace recur::host::stepwise {

void prepare(const Geometry& g, gpu::DeviceResources& resources, Stream stream,
             std::span<const LayerWeights> weights, std::byte* buffer);
void run_forward(const Geometry& g, gpu::DeviceResources& resources, bool training, const ForwardCall& call);

}  // namespace recur::host::stepwise
