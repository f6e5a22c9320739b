// Libraries that librecur must not take for its own, each wrong in one thing.
#include <cstdint>

#include "host/gpu/cuda_library.hpp"
#include "recur/export.hpp"

#ifdef RECUR_OTHER_UNLOADABLE
extern "C" RECUR_API int a_function_that_no_library_has();
#endif

extern "C" {

#ifdef RECUR_OTHER_NAMELESS
RECUR_API const void* some_other_function() { return nullptr; }
#else
RECUR_API const recur::host::gpu::CudaLibrary* recur_cuda_library() {
#ifdef RECUR_OTHER_UNLOADABLE
  if (a_function_that_no_library_has() != 0) return nullptr;
#endif
  static const recur::host::gpu::CudaLibrary library = {
#ifdef RECUR_OTHER_VERSION
      .version = 10203,
#else
      .version = RECUR_VERSION,
#endif
#ifdef RECUR_OTHER_BUILD
      .bytes = 1,
#else
      .bytes = recur::host::gpu::kBytesBetweenLibraries,
#endif
      .runtime = nullptr};
  return &library;
}
#endif
}
