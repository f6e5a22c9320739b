// Timing on a GPU, over the CUDA runtime.
#include "perf/backend.hpp"

#include <algorithm>

#include "host/cuda/check.hpp"

namespace recur::perf {
namespace {

class CudaBackend final : public Backend {
 public:
  explicit CudaBackend(int ordinal) : device_(Device::cuda(ordinal)) {
    RECUR_CHECK(cudaSetDevice(ordinal));
    RECUR_CHECK(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking));
    RECUR_CHECK(cudaEventCreate(&start_));
    RECUR_CHECK(cudaEventCreate(&stop_));
  }
  ~CudaBackend() override {
    static_cast<void>(cudaEventDestroy(stop_));
    static_cast<void>(cudaEventDestroy(start_));
    static_cast<void>(cudaStreamDestroy(stream_));
  }

  const Device& device() const override { return device_; }
  Stream stream() const override { return Stream::from_native(stream_); }

  void* allocate(std::size_t bytes) override {
    void* memory = nullptr;
    RECUR_CHECK(cudaMalloc(&memory, bytes));
    return memory;
  }
  void free(void* memory) noexcept override { static_cast<void>(cudaFree(memory)); }
  void write(void* device, std::span<const std::byte> host) override {
    RECUR_CHECK(cudaMemcpyAsync(device, host.data(), host.size(), cudaMemcpyHostToDevice, stream_));
    synchronize();
  }
  void read(std::span<std::byte> host, const void* device) override {
    RECUR_CHECK(cudaMemcpyAsync(host.data(), device, host.size(), cudaMemcpyDeviceToHost, stream_));
    synchronize();
  }

  void synchronize() override { RECUR_CHECK(cudaStreamSynchronize(stream_)); }
  double device_seconds(const std::function<void()>& work) override {
    RECUR_CHECK(cudaEventRecord(start_, stream_));
    work();
    RECUR_CHECK(cudaEventRecord(stop_, stream_));
    RECUR_CHECK(cudaEventSynchronize(stop_));
    float milliseconds = 0;
    RECUR_CHECK(cudaEventElapsedTime(&milliseconds, start_, stop_));
    return 1e-3 * static_cast<double>(milliseconds);
  }

  std::size_t last_cache_bytes() const override { return device_.props().cuda.l2_bytes; }
  std::size_t spare_bytes() const override {
    std::size_t free_bytes = 0, total = 0;
    RECUR_CHECK(cudaMemGetInfo(&free_bytes, &total));
    return std::min(free_bytes / 2, std::size_t{8} << 30);
  }

 private:
  Device device_;
  cudaStream_t stream_ = nullptr;
  cudaEvent_t start_ = nullptr, stop_ = nullptr;
};

}  // namespace

std::unique_ptr<Backend> make_cuda_backend(int ordinal) { return std::make_unique<CudaBackend>(ordinal); }

}  // namespace recur::perf
