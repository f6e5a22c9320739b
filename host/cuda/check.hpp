// Turns failures of the CUDA runtime and its libraries into errors of ours.
#pragma once

#include <cuda_runtime_api.h>

#include <string>

#include "recur/error.hpp"

namespace recur::host::gpu {

inline void check(cudaError_t status, const char* call, const char* file, int line) {
  if (status == cudaSuccess) return;
  const std::string where = std::string(call) + " (" + file + ":" + std::to_string(line) + "): ";
  if (status == cudaErrorMemoryAllocation) throw OutOfMemory(where + cudaGetErrorString(status));
  throw DeviceError(where + cudaGetErrorString(status));
}

}  // namespace recur::host::gpu

#define RECUR_CHECK(call) ::recur::host::gpu::check((call), #call, __FILE__, __LINE__)
