#include "host/onednn/library.hpp"

#include <dlfcn.h>

#include <memory>

#include "host/onednn/availability.hpp"
#include "recur/error.hpp"

namespace recur::host::onednn {
namespace {

constexpr int kMajorVersion = 3;

template <class Function>
bool find(void* handle, const char* name, Function& function) {
  function = reinterpret_cast<Function>(dlsym(handle, name));
  return function != nullptr;
}

bool find_functions(void* handle, Library& library) {
  bool all = true;
#define RECUR_ONEDNN_FIND(name) all = find(handle, "dnnl_" #name, library.name) && all;
  RECUR_ONEDNN_FUNCTIONS(RECUR_ONEDNN_FIND)
#undef RECUR_ONEDNN_FIND
  return all;
}

// The number of threads must be ours to choose.
bool find_threads(void* handle, Library& library) {
  const unsigned runtime = library.version()->cpu_runtime;
  if (runtime == DNNL_RUNTIME_SEQ) return true;
  // Looks through what the library itself depends on.
  return runtime == DNNL_RUNTIME_OMP && find(handle, "omp_set_num_threads", library.omp_set_num_threads) &&
         find(handle, "omp_get_max_threads", library.omp_get_max_threads);
}

bool fill(void* handle, Library& library) {
  if (!find_functions(handle, library)) return false;
  const dnnl_version_t& version = *library.version();
  if (version.major != kMajorVersion || !find_threads(handle, library)) return false;
  library.version_name = std::to_string(version.major) + "." + std::to_string(version.minor) + "." +
                         std::to_string(version.patch);
  return library.engine_create(&library.engine, dnnl_cpu, 0) == dnnl_success;
}

}  // namespace

const Library* load(const char* shared_library) {
  void* const handle = dlopen(shared_library, RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) return nullptr;
  auto library = std::make_unique<Library>();
  // Never closed: it may have started threads, and plans may outlive any owner that we could name.
  return fill(handle, *library) ? library.release() : nullptr;
}

const Library* library() {
  static const Library* const loaded = load("libdnnl.so.3");
  return loaded;
}

bool is_loaded() { return library() != nullptr; }

void check(dnnl_status_t status, std::string_view call) {
  if (status == dnnl_success) return;
  const std::string message = "oneDNN: " + std::string(call) + ": ";
  if (status == dnnl_out_of_memory) throw OutOfMemory(message + "no memory");
  throw DeviceError(message + "status " + std::to_string(static_cast<int>(status)));
}

ThreadsOfCalls::ThreadsOfCalls(int threads) {
  if (lib().omp_set_num_threads == nullptr) return;
  before_ = lib().omp_get_max_threads();
  lib().omp_set_num_threads(threads);
}

ThreadsOfCalls::~ThreadsOfCalls() {
  if (lib().omp_set_num_threads != nullptr) lib().omp_set_num_threads(before_);
}

}  // namespace recur::host::onednn
