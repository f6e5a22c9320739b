#include "host/gpu/resources.hpp"

#include "host/gpu/runtime.hpp"
#include "recur/error.hpp"

namespace recur::host::gpu {

const Runtime& runtime_for(int ordinal) {
  const LoadedRuntime& loaded = load_runtime();
  if (loaded.runtime == nullptr) {
    throw Unsupported("CUDA device " + std::to_string(ordinal) + ": " + loaded.failure);
  }
  return *loaded.runtime;
}

std::unique_ptr<Resources> make_resources(int ordinal) {
  return runtime_for(ordinal).make_resources(ordinal);
}

}  // namespace recur::host::gpu
