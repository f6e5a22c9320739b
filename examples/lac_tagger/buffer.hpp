// Owned memory aligned to 64 bytes, for what tasks make once outside their run functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <string>

#include "recur/error.hpp"

namespace lac {

// `size` elements, zeroed. Throws OutOfMemory.
template <class T>
class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(std::int64_t size) : size_(static_cast<std::size_t>(size)), data_(allocate(size_)) {}

  T* data() { return data_.get(); }
  const T* data() const { return data_.get(); }
  std::size_t size() const { return size_; }
  T& operator[](std::int64_t i) { return data_.get()[i]; }
  const T& operator[](std::int64_t i) const { return data_.get()[i]; }
  std::span<T> span() { return {data_.get(), size_}; }

 private:
  static constexpr std::size_t kAlignment = 64;
  struct Free {
    void operator()(T* data) const { ::operator delete[](data, std::align_val_t{kAlignment}); }
  };

  static T* allocate(std::size_t size) {
    try {
      return new (std::align_val_t{kAlignment}) T[size]();
    } catch (const std::bad_alloc&) {
      throw recur::OutOfMemory("a buffer of " + std::to_string(size) + " elements of " +
                               std::to_string(sizeof(T)) + " bytes cannot be allocated");
    }
  }

  std::size_t size_ = 0;
  std::unique_ptr<T[], Free> data_;
};

}  // namespace lac
