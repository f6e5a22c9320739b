// The runtime of a program that has its GPU engines in it.
#include "host/gpu/runtime.hpp"

namespace recur::host::gpu {

const LoadedRuntime& load_runtime() {
  static const LoadedRuntime loaded{.runtime = &linked_runtime()};
  return loaded;
}

}  // namespace recur::host::gpu
