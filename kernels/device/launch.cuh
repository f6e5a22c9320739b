// Launching a kernel: asynchronous on a stream, arguments passed by value.
#pragma once

#include "kernels/device/platform.cuh"

#if !defined(RECUR_SIMT)
#include <string>

#include "kernels/device/shared_limit.hpp"
#include "recur/error.hpp"
#endif

namespace recur::device {

struct LaunchConfig {
  dim3 grid = dim3(1);
  dim3 block = dim3(1);
  std::size_t shared_bytes = 0;  // dynamic shared memory of a block
  dim3 cluster = dim3(1);        // blocks of a cluster; sm_90 and newer
  bool cooperative = false;      // all blocks at once on the device, or the launch fails
  bool dependent =
      false;          // starts before the kernel before it has ended (dependent_launch.cuh); sm_90 and newer
  int registers = 0;  // of a thread, as ptxas reports; simt checks residency by it, a GPU knows
  void* stream = nullptr;  // cudaStream_t
};

#if defined(RECUR_SIMT)

// `kernel` names the launch in simt's messages.
#define RECUR_LAUNCH(kernel, config, ...) ::simt::launch(#kernel, (kernel), (config), __VA_ARGS__)

#else

// The most dynamic shared memory that the current device can give the kernel.
inline cudaError_t raise_shared_limit(const void* kernel, int device) {
  int most = 0;
  cudaFuncAttributes attributes = {};
  cudaError_t status = cudaDeviceGetAttribute(&most, cudaDevAttrMaxSharedMemoryPerBlockOptin, device);
  if (status == cudaSuccess) status = cudaFuncGetAttributes(&attributes, kernel);
  if (status != cudaSuccess) return status;
  return cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                              most - static_cast<int>(attributes.sharedSizeBytes));
}
inline cudaError_t allow_shared(const void* kernel) {
  static SharedLimits limits;
  int device = 0;
  cudaError_t status = cudaGetDevice(&device);
  if (status != cudaSuccess) return status;
  limits.allow(kernel, device, [&] {
    status = raise_shared_limit(kernel, device);
    return status == cudaSuccess;
  });
  return status;
}

// Throws DeviceError where the launch itself is refused. What fails later shows at the next synchronisation.
template <class... Parameters, class... Arguments>
void launch(const char* name, void (*kernel)(Parameters...), const LaunchConfig& config,
            Arguments&&... arguments) {
  cudaLaunchConfig_t native = {};
  native.gridDim = config.grid;
  native.blockDim = config.block;
  native.dynamicSmemBytes = config.shared_bytes;
  native.stream = static_cast<cudaStream_t>(config.stream);
  cudaLaunchAttribute attributes[3];
  unsigned count = 0;
  if (config.cooperative) {
    attributes[count].id = cudaLaunchAttributeCooperative;
    attributes[count++].val.cooperative = 1;
  }
  if (config.cluster.x * config.cluster.y * config.cluster.z > 1) {
    attributes[count].id = cudaLaunchAttributeClusterDimension;
    attributes[count].val.clusterDim.x = config.cluster.x;
    attributes[count].val.clusterDim.y = config.cluster.y;
    attributes[count++].val.clusterDim.z = config.cluster.z;
  }
  if (config.dependent) {
    attributes[count].id = cudaLaunchAttributeProgrammaticStreamSerialization;
    attributes[count++].val.programmaticStreamSerializationAllowed = 1;
  }
  native.attrs = attributes;
  native.numAttrs = count;
  cudaError_t status = cudaSuccess;
  constexpr std::size_t kWithoutOptIn = 48u << 10;
  if (config.shared_bytes > kWithoutOptIn) {
    status = allow_shared(reinterpret_cast<const void*>(kernel));
  }
  // Chips need not have larger ones, so a kernel has to say that it knows.
  constexpr unsigned kPortableCluster = 8;
  if (status == cudaSuccess && config.cluster.x * config.cluster.y * config.cluster.z > kPortableCluster) {
    status = cudaFuncSetAttribute(reinterpret_cast<const void*>(kernel),
                                  cudaFuncAttributeNonPortableClusterSizeAllowed, 1);
  }
  if (status == cudaSuccess)
    status = cudaLaunchKernelEx(&native, kernel, static_cast<Parameters>(arguments)...);
  if (status != cudaSuccess) {
    throw DeviceError("launch of " + std::string(name) + ": " + cudaGetErrorString(status));
  }
}

#define RECUR_LAUNCH(kernel, config, ...) ::recur::device::launch(#kernel, (kernel), (config), __VA_ARGS__)

#endif

}  // namespace recur::device
