#include "perf/cuda/device_facts.hpp"

#include "kernels/device/launch.cuh"

namespace recur::perf {

RECUR_KERNEL(1) busy(long long cycles) {
  const long long start = clock64();
  while (clock64() - start < cycles) {
  }
}

void launch_cycles(std::int64_t cycles, void* stream) {
  RECUR_LAUNCH(busy, (device::LaunchConfig{.stream = stream}), static_cast<long long>(cycles));
}

}  // namespace recur::perf
