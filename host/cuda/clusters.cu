#include "host/cuda/clusters.hpp"

#include "kernels/device/launch.cuh"

namespace recur::host::gpu {

// Stands for any kernel that takes a whole multiprocessor by its shared memory.
constexpr int kOccupantThreads = 128;
RECUR_KERNEL(kOccupantThreads) occupant() {}

int active_clusters(int blocks, std::size_t shared_bytes) {
  const auto cluster = static_cast<unsigned>(blocks);
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

}  // namespace recur::host::gpu
