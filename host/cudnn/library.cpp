#include "host/cudnn/library.hpp"

#include <dlfcn.h>

#include <cstdlib>

namespace recur::host::cudnn {
namespace {

Loaded load_now() {
  const char* named = std::getenv("RECUR_CUDNN_LIBRARY");
  const char* path = named != nullptr ? named : "libcudnn.so.9";
  void* handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) return {.failure = dlerror()};
  // Never unloaded: contexts may outlive everything else.
  static Library library;
  const char* missing = nullptr;
  const auto find = [&](auto& function, const char* name) {
    function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(dlsym(handle, name));
    if (function == nullptr) missing = name;
  };
  find(library.GetVersion, "cudnnGetVersion");
  if (missing == nullptr && library.GetVersion() / 10000 < 9) {
    return {.failure = std::string(path) + " is version " + std::to_string(library.GetVersion())};
  }
#define RECUR_CUDNN_FIND(name) find(library.name, "cudnn" #name);
  RECUR_CUDNN_FUNCTIONS(RECUR_CUDNN_FIND)
#undef RECUR_CUDNN_FIND
  if (missing != nullptr) return {.failure = std::string(path) + " has no " + missing};
  return {.library = &library};
}

}  // namespace

const Loaded& load() {
  static const Loaded loaded = load_now();
  return loaded;
}

}  // namespace recur::host::cudnn
