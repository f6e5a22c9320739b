// A plan may be made for a device that is absent, and run on one like it.
#pragma once

#include "host/context_state.hpp"
#include "recur/device.hpp"

namespace recur::host::gpu {

// Throws InvalidArgument unless the context's device is present and as planned.
void check_planned_device(const Context::State& context, const CudaProps& planned);

}  // namespace recur::host::gpu
