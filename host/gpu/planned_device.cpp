#include "host/gpu/planned_device.hpp"

#include <string>

namespace recur::host::gpu {
namespace {

std::string name(const CudaProps& props) {
  return "compute capability " + std::to_string(props.compute_major) + "." +
         std::to_string(props.compute_minor) + " with " + std::to_string(props.multiprocessors) +
         " multiprocessors";
}

}  // namespace

void check_planned_device(const Context::State& context, const CudaProps& planned) {
  const CudaProps& on = context.device.cuda;
  if (context.gpu == nullptr) {
    throw InvalidArgument("context: expected one on a device that is present, got one on " +
                          context.device.name + ", which is only described");
  }
  if (on.compute_major != planned.compute_major || on.compute_minor != planned.compute_minor ||
      on.multiprocessors != planned.multiprocessors) {
    throw InvalidArgument("context: expected a device as planned, " + name(planned) + ", got " + name(on));
  }
}

}  // namespace recur::host::gpu
