// The way into librecur_cuda.so.
#include "host/gpu/cuda_library.hpp"
#include "recur/export.hpp"

extern "C" {

RECUR_API const recur::host::gpu::CudaLibrary* recur_cuda_library() {
  using namespace recur::host::gpu;
  static constexpr CudaLibrary kLibrary = {
      .version = RECUR_VERSION, .bytes = kBytesBetweenLibraries, .runtime = linked_runtime};
  return &kLibrary;
}
}
