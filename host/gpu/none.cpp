// Stands for the GPU engines in a build without them.
#include <string>

#include "host/engine.hpp"
#include "host/gpu/gpu.hpp"
#include "host/gpu/resources.hpp"
#include "recur/error.hpp"

namespace recur::host {

std::span<const Engine* const> gpu_engines() { return {}; }

namespace gpu {
namespace {

[[noreturn]] void refuse(int ordinal) {
  throw Unsupported("CUDA device " + std::to_string(ordinal) + ": this build has no CUDA engine");
}

}  // namespace

int device_count() { return 0; }
DeviceProps device_props(int ordinal) { refuse(ordinal); }
std::unique_ptr<Resources> make_resources(int ordinal) { refuse(ordinal); }

}  // namespace gpu
}  // namespace recur::host
