// A GPU that simt emulates: its memory is the host's, and its clock too.
#include <new>

#include "host/gpu/gpu.hpp"
#include "tests/perf/perf_device.hpp"

namespace simt {
void synchronize();  // runs all that was put on streams
}

namespace recur::perf {
namespace {

class SimtBackend final : public Backend {
 public:
  SimtBackend() : device_(Device::cuda(0)), cpu_(make_cpu_backend()), stream_(host::gpu::create_stream()) {}
  ~SimtBackend() override { host::gpu::destroy_stream(stream_); }

  const Device& device() const override { return device_; }
  Stream stream() const override { return Stream::from_native(stream_); }
  void* allocate(std::size_t bytes) override { return cpu_->allocate(bytes); }
  void free(void* memory) noexcept override { cpu_->free(memory); }
  // As copies of the runtime do, these wait for what uses the memory.
  void write(void* device, std::span<const std::byte> host) override {
    synchronize();
    cpu_->write(device, host);
  }
  void read(std::span<std::byte> host, const void* device) override {
    synchronize();
    cpu_->read(host, device);
  }
  void synchronize() override { simt::synchronize(); }
  double device_seconds(const std::function<void()>& work) override { return wall_seconds(*this, work); }
  std::size_t last_cache_bytes() const override { return 1024; }
  std::size_t spare_bytes() const override { return std::size_t{1} << 20; }

 private:
  Device device_;
  std::unique_ptr<Backend> cpu_;
  void* stream_;
};

}  // namespace

std::unique_ptr<Backend> test_backend() { return std::make_unique<SimtBackend>(); }

}  // namespace recur::perf
