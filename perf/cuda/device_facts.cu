#include "perf/cuda/device_facts.hpp"

#include "kernels/device/launch.cuh"

namespace recur::perf {

// Stands for any kernel that takes a whole multiprocessor by its shared memory.
constexpr int kOccupantThreads = 128;
RECUR_KERNEL(kOccupantThreads) occupant() {}

int active_clusters(unsigned cluster, std::size_t shared_bytes) {
  const auto* kernel = reinterpret_cast<const void*>(&occupant);
  cudaLaunchAttribute attribute;
  attribute.id = cudaLaunchAttributeClusterDimension;
  attribute.val.clusterDim.x = cluster;
  attribute.val.clusterDim.y = attribute.val.clusterDim.z = 1;
  cudaLaunchConfig_t config = {};
  config.gridDim = dim3(cluster);
  config.blockDim = dim3(kOccupantThreads);
  config.dynamicSmemBytes = shared_bytes;
  config.attrs = &attribute;
  config.numAttrs = 1;
  int count = 0;
  const bool known =
      cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                           static_cast<int>(shared_bytes)) == cudaSuccess &&
      cudaFuncSetAttribute(kernel, cudaFuncAttributeNonPortableClusterSizeAllowed, 1) == cudaSuccess &&
      cudaOccupancyMaxActiveClusters(&count, kernel, &config) == cudaSuccess;
  if (known) return count;
  static_cast<void>(cudaGetLastError());
  return 0;
}

RECUR_KERNEL(1) busy(long long cycles) {
  const long long start = clock64();
  while (clock64() - start < cycles) {
  }
}

void launch_cycles(std::int64_t cycles, void* stream) {
  RECUR_LAUNCH(busy, (device::LaunchConfig{.stream = stream}), static_cast<long long>(cycles));
}

}  // namespace recur::perf
