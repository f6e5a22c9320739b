// Lays named arrays out in one caller-owned buffer. The same code computes a size (no base) and hands out
// pointers, so the two cannot disagree.
#pragma once

#include <cstddef>
#include <cstdint>

#include "host/check.hpp"

namespace recur::host {

class Carver {
 public:
  // Without a base, take() returns null and only counts.
  explicit Carver(std::byte* base = nullptr) : base_(base) {}

  // `count` elements, 64-byte aligned. Throws InvalidArgument where the size passes 64 bits.
  template <class T>
  T* take(std::int64_t count) {
    constexpr std::int64_t kBytes = sizeof(T);  // NOLINT(bugprone-sizeof-expression): pointers too
    const std::int64_t bytes = checked_product("buffer", {count, kBytes});
    T* result = base_ == nullptr ? nullptr : reinterpret_cast<T*>(base_ + offset_);
    offset_ = checked_sum("buffer", {offset_, bytes, kAlignment - 1}) / kAlignment * kAlignment;
    return result;
  }

  std::size_t bytes() const { return static_cast<std::size_t>(offset_); }

 private:
  static constexpr std::int64_t kAlignment = 64;
  std::byte* base_;
  std::int64_t offset_ = 0;
};

}  // namespace recur::host
