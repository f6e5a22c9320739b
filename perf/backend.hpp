// What timing needs of a device: memory, a stream, and clocks. One implementation for the CPU, one over the
// CUDA runtime (perf/cuda).
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>

#include "recur/context.hpp"
#include "recur/device.hpp"

namespace recur::perf {

class Backend {
 public:
  Backend() = default;
  virtual ~Backend() = default;
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;

  virtual const Device& device() const = 0;
  virtual Stream stream() const = 0;

  // Aligned for every buffer and view. Throws OutOfMemory.
  virtual void* allocate(std::size_t bytes) = 0;
  virtual void free(void* memory) noexcept = 0;
  virtual void write(void* device, std::span<const std::byte> host) = 0;
  virtual void read(std::span<std::byte> host, const void* device) = 0;

  // Waits for what is on the stream.
  virtual void synchronize() = 0;
  // Seconds from the start to the end of what `work` puts on the stream: by events where there are any, by
  // the clock where calls return when they are done.
  virtual double device_seconds(const std::function<void()>& work) = 0;

  // Bytes that fit into the last cache, and that may be taken for copies of a problem.
  virtual std::size_t last_cache_bytes() const = 0;
  virtual std::size_t spare_bytes() const = 0;
};

// Seconds by the clock until `work` and what it puts on the stream are done.
double wall_seconds(Backend& backend, const std::function<void()>& work);

std::unique_ptr<Backend> make_cpu_backend();
// Throws Unsupported where the build or the machine has no such device.
std::unique_ptr<Backend> make_cuda_backend(int ordinal);

// Memory of a backend, owned.
class DeviceBuffer {
 public:
  DeviceBuffer(Backend& backend, std::size_t bytes)
      : backend_(&backend), bytes_(bytes), data_(bytes == 0 ? nullptr : backend.allocate(bytes)) {}
  DeviceBuffer(DeviceBuffer&& other) noexcept
      : backend_(other.backend_), bytes_(other.bytes_), data_(other.data_) {
    other.data_ = nullptr;
    other.bytes_ = 0;
  }
  DeviceBuffer& operator=(DeviceBuffer&&) = delete;
  ~DeviceBuffer() {
    if (data_ != nullptr) backend_->free(data_);
  }
  std::span<std::byte> span() const { return {static_cast<std::byte*>(data_), bytes_}; }
  std::byte* data() const { return static_cast<std::byte*>(data_); }

 private:
  Backend* backend_;
  std::size_t bytes_;
  void* data_;
};

}  // namespace recur::perf
