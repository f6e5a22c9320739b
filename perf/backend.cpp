#include "perf/backend.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <new>

#include "recur/error.hpp"
#include "recur/memory.hpp"

namespace recur::perf {
namespace {

using Clock = std::chrono::steady_clock;

class CpuBackend final : public Backend {
 public:
  const Device& device() const override { return device_; }
  Stream stream() const override { return {}; }

  void* allocate(std::size_t bytes) override {
    try {
      void* const memory = ::operator new(bytes, kAlignment);
      // As a program that minds its speed would have it.
      prefer_huge_pages({static_cast<std::byte*>(memory), bytes});
      return memory;
    } catch (const std::bad_alloc&) {
      throw OutOfMemory("no " + std::to_string(bytes) + " bytes of memory");
    }
  }
  void free(void* memory) noexcept override { ::operator delete(memory, kAlignment); }
  void write(void* device, std::span<const std::byte> host) override {
    std::memcpy(device, host.data(), host.size());
  }
  void read(std::span<std::byte> host, const void* device) override {
    std::memcpy(host.data(), device, host.size());
  }

  void synchronize() override {}
  double device_seconds(const std::function<void()>& work) override { return wall_seconds(*this, work); }

  std::size_t last_cache_bytes() const override {
    const CpuProps& cpu = device_.props().cpu;
    return std::max(cpu.l2_bytes * static_cast<std::size_t>(cpu.cores), cpu.l3_bytes);
  }
  std::size_t spare_bytes() const override { return std::size_t{2} << 30; }

 private:
  static constexpr std::align_val_t kAlignment{std::size_t{2} << 20};

  Device device_ = Device::cpu();
};

}  // namespace

double wall_seconds(Backend& backend, const std::function<void()>& work) {
  const Clock::time_point start = Clock::now();
  work();
  backend.synchronize();
  return std::chrono::duration<double>(Clock::now() - start).count();
}

std::unique_ptr<Backend> make_cpu_backend() { return std::make_unique<CpuBackend>(); }

}  // namespace recur::perf
