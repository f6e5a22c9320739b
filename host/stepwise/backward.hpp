// The backward pass of the stepwise engine.
#pragma once

#include "host/stepwise/geometry.hpp"

namespace recur::host::stepwise {

void run_backward(const Geometry& g, gpu::DeviceResources& resources, const BackwardCall& call);

}  // namespace recur::host::stepwise
