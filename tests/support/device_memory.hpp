/// @file
/// Memory that a device can read and that the host can read and write: what tests bring tensors and buffers
/// in.
#pragma once

#include <cstddef>
#include <new>

namespace recur::test {

class DeviceMemory {
 public:
  DeviceMemory() = default;
  virtual ~DeviceMemory() = default;
  DeviceMemory(const DeviceMemory&) = delete;
  DeviceMemory& operator=(const DeviceMemory&) = delete;

  /// At least 64-byte aligned; never null. `bytes` is not 0.
  virtual void* allocate(std::size_t bytes) = 0;
  /// @param bytes  as given to `allocate`
  virtual void free(void* memory, std::size_t bytes) noexcept = 0;
};

/// The process's own memory: for the CPU, and for GPUs that are emulated.
class HostMemory final : public DeviceMemory {
 public:
  void* allocate(std::size_t bytes) override { return ::operator new(bytes, kAlignment); }
  void free(void* memory, std::size_t /*bytes*/) noexcept override { ::operator delete(memory, kAlignment); }

 private:
  static constexpr std::align_val_t kAlignment{64};
};
inline DeviceMemory& host_memory() {
  static HostMemory memory;
  return memory;
}

/// Memory that a real GPU and the host share (cudaMallocManaged). Only in builds with CUDA:
/// device_memory_cuda.cpp.
DeviceMemory& managed_memory();
/// Waits for all work of the current GPU. Throws DeviceError when some of it failed. Only in builds with
/// CUDA.
void synchronize_gpu();

namespace detail {
inline DeviceMemory*& current_memory_slot() {
  static DeviceMemory* current = &host_memory();
  return current;
}
}  // namespace detail

/// Where `Aligned` takes its memory.
inline DeviceMemory& current_memory() { return *detail::current_memory_slot(); }

/// Makes a memory the current one while it lives; for the whole process, so not while other threads allocate.
class UseMemory {
 public:
  explicit UseMemory(DeviceMemory& memory) : before_(detail::current_memory_slot()) {
    detail::current_memory_slot() = &memory;
  }
  ~UseMemory() { detail::current_memory_slot() = before_; }
  UseMemory(const UseMemory&) = delete;
  UseMemory& operator=(const UseMemory&) = delete;

 private:
  DeviceMemory* before_;
};

}  // namespace recur::test
