#include <cuda_runtime_api.h>

#include <bit>
#include <map>
#include <string>
#include <vector>

#include "recur/error.hpp"
#include "support/device_memory.hpp"

namespace recur::test {
namespace {

void check(cudaError_t status, const char* call) {
  if (status != cudaSuccess) throw DeviceError(std::string(call) + ": " + cudaGetErrorString(status));
}

// Keeps what it is given back: a problem of few values is run thousands of times, each time with tensors of
// its own, and the driver takes longer to make them than the kernels run.
class ManagedMemory final : public DeviceMemory {
 public:
  void* allocate(std::size_t bytes) override {
    std::vector<void*>& kept = kept_[std::bit_ceil(bytes)];
    if (!kept.empty()) {
      void* memory = kept.back();
      kept.pop_back();
      return memory;
    }
    void* memory = nullptr;
    check(cudaMallocManaged(&memory, std::bit_ceil(bytes), cudaMemAttachGlobal), "cudaMallocManaged");
    return memory;
  }
  void free(void* memory, std::size_t bytes) noexcept override {
    kept_[std::bit_ceil(bytes)].push_back(memory);
  }

 private:
  std::map<std::size_t, std::vector<void*>> kept_;  // by size; the driver takes them all at exit
};

}  // namespace

DeviceMemory& managed_memory() {
  static ManagedMemory memory;
  return memory;
}

void synchronize_gpu() { check(cudaDeviceSynchronize(), "cudaDeviceSynchronize"); }

}  // namespace recur::test
