/// @file
/// Memory as callers of Recur bring it: aligned, and poisoned before every use.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <utility>
#include <vector>

#include "support/device_memory.hpp"

namespace recur::test {

/// Elements at a 64-byte aligned address in the current DeviceMemory. Fresh memory is all ones: NaN for
/// floating-point types, so that a value nobody wrote cannot pass for a result.
template <class T>
class Aligned {
 public:
  Aligned() = default;
  explicit Aligned(std::size_t count) : count_(count), memory_(&current_memory()) {
    if (count == 0) return;
    data_ = static_cast<T*>(memory_->allocate(count * sizeof(T)));
    poison();
  }
  explicit Aligned(const std::vector<T>& from) : Aligned(from.size()) {
    if (count_ != 0) std::memcpy(data_, from.data(), count_ * sizeof(T));
  }
  Aligned(Aligned&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)),
        count_(std::exchange(other.count_, 0)),
        memory_(other.memory_) {}
  Aligned& operator=(Aligned&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(count_, other.count_);
    std::swap(memory_, other.memory_);
    return *this;
  }
  ~Aligned() {
    if (data_ != nullptr) memory_->free(data_, count_ * sizeof(T));
  }

  void poison() {
    if (count_ != 0) std::memset(static_cast<void*>(data_), 0xff, count_ * sizeof(T));
  }

  T* data() { return data_; }
  const T* data() const { return data_; }
  std::size_t size() const { return count_; }
  T& operator[](std::size_t i) { return data_[i]; }
  const T& operator[](std::size_t i) const { return data_[i]; }
  std::vector<T> vector() const { return std::vector<T>(data_, data_ + count_); }
  std::span<std::byte> bytes() { return std::as_writable_bytes(std::span<T>(data_, count_)); }

 private:
  T* data_ = nullptr;
  std::size_t count_ = 0;
  DeviceMemory* memory_ = nullptr;
};

}  // namespace recur::test
