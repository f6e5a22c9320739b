// Stands for the runtime in a static build without one.
#include "host/gpu/runtime.hpp"

namespace recur::host::gpu {

const LoadedRuntime& load_runtime() {
  static const LoadedRuntime loaded{.failure = "this build has no CUDA engine"};
  return loaded;
}

}  // namespace recur::host::gpu
