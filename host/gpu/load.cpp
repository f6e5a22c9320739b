// The runtime of the shared core: librecur_cuda.so, which alone needs libraries of CUDA. It is looked for
// beside the core first, so that a folder with both can lie anywhere, and then where the loader looks.
#include <dlfcn.h>

#include <filesystem>
#include <system_error>

#include "host/gpu/cuda_library.hpp"

namespace recur::host::gpu {
namespace {

std::string version_text(std::int32_t version) {
  return std::to_string(version / 10000) + "." + std::to_string(version / 100 % 100) + "." +
         std::to_string(version % 100);
}

// Of the file that this code was loaded from; empty where the loader does not say.
std::filesystem::path own_folder() {
  Dl_info info{};
  if (dladdr(reinterpret_cast<const void*>(&load_runtime), &info) == 0 || info.dli_fname == nullptr)
    return {};
  return std::filesystem::path(info.dli_fname).parent_path();
}

LoadedRuntime failed(const std::string& reason) {
  return {.failure = std::string(RECUR_CUDA_LIBRARY) +
                     ", which runs plans on CUDA devices, cannot be loaded: " + reason};
}

LoadedRuntime load_now() {
  const std::filesystem::path beside = own_folder() / RECUR_CUDA_LIBRARY;
  std::error_code ignored;
  // A file that is there and does not load is what the user has to hear of.
  const bool is_beside = std::filesystem::exists(beside, ignored);
  const std::string path = is_beside ? beside.string() : RECUR_CUDA_LIBRARY;
  // Never unloaded: contexts may outlive everything else.
  void* const handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) {
    const char* const error = dlerror();
    return failed((is_beside ? "" : "it does not lie in " + beside.parent_path().string() + ", and ") +
                  std::string(error == nullptr ? path : error));
  }
  void* const found = dlsym(handle, kCudaLibraryFunction);
  if (found == nullptr) return failed(path + " has no " + kCudaLibraryFunction);
  const CudaLibrary& library = *reinterpret_cast<CudaLibraryFunction>(found)();
  if (library.version != RECUR_VERSION) {
    return failed(path + " is of version " + version_text(library.version) + ", expected " +
                  version_text(RECUR_VERSION));
  }
  if (library.bytes != kBytesBetweenLibraries) {
    return failed(path + " is of another build of version " + version_text(RECUR_VERSION));
  }
  return {.runtime = &library.runtime()};
}

}  // namespace

const LoadedRuntime& load_runtime() {
  static const LoadedRuntime loaded = load_now();
  return loaded;
}

}  // namespace recur::host::gpu
