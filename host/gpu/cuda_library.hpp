// What librecur.so and librecur_cuda.so know of each other.
#pragma once

#include <cstddef>
#include <cstdint>

#include "host/gpu/runtime.hpp"
#include "host/gpu_pass/stepper.hpp"
#include "recur/version.hpp"

namespace recur::host::gpu {

// What librecur_cuda.so says of itself; later versions may add to its end.
struct CudaLibrary {
  std::int32_t version;  // RECUR_VERSION
  // Of what passes between the libraries, for builds of one version that differ.
  std::size_t bytes;
  const Runtime& (*runtime)();
};

inline constexpr std::size_t kBytesBetweenLibraries =
    sizeof(Job) + sizeof(EngineFacts) + sizeof(ForwardCall) + sizeof(ForwardArgs) + sizeof(BackwardCall) +
    sizeof(BackwardArgs) + sizeof(LayerWeights) + sizeof(gpu_pass::PassPlan);

// The only name that librecur_cuda.so exports.
inline constexpr const char* kCudaLibraryFunction = "recur_cuda_library";
using CudaLibraryFunction = const CudaLibrary* (*)();

}  // namespace recur::host::gpu
