// Lays named arrays out in one caller-owned buffer. The same code computes a size (no base) and hands out
// pointers, so the two cannot disagree.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>

#include "host/check.hpp"
#include "recur/types.hpp"

namespace recur::host {

class Carver {
 public:
  // What the bases of callers' buffers are aligned to.
  static constexpr std::int64_t kBaseAlignment = 64;

  // Without a base, take() returns null and only counts. Arrays lie at multiples of `alignment` bytes, a power
  // of two from kBaseAlignment on.
  explicit Carver(std::byte* base = nullptr, std::int64_t alignment = kBaseAlignment)
      : base_(base), alignment_(alignment) {
    if (base == nullptr) return;
    base_ += -static_cast<std::int64_t>(reinterpret_cast<std::uintptr_t>(base)) & (alignment - 1);
  }

  // `count` elements, or as many as the product of `dims`. Throws InvalidArgument where the size passes 64 bits.
  template <class E>
  E* take(std::int64_t count) {
    constexpr std::int64_t kBytes = sizeof(E);  // NOLINT(bugprone-sizeof-expression): pointers too
    return reinterpret_cast<E*>(take_bytes(checked_product("buffer", {count, kBytes})));
  }
  template <class E>
  E* take(std::initializer_list<std::int64_t> dims) {
    return take<E>(checked_product("buffer", dims));
  }
  // The same of a type that is known at run time.
  void* take(DataType type, std::initializer_list<std::int64_t> dims) {
    const auto bytes = static_cast<std::int64_t>(size_of(type));
    return take_bytes(checked_product("buffer", {checked_product("buffer", dims), bytes}));
  }
  std::byte* take_bytes(std::int64_t bytes) {
    std::byte* result = base_ == nullptr ? nullptr : base_ + offset_;
    offset_ = checked_sum("buffer", {offset_, bytes, alignment_ - 1}) & -alignment_;
    return result;
  }

  // The size of a buffer that has all of them, wherever its base lies.
  std::size_t bytes() const {
    return offset_ == 0 ? 0 : static_cast<std::size_t>(offset_ + alignment_ - kBaseAlignment);
  }

 private:
  std::byte* base_;
  std::int64_t alignment_;
  std::int64_t offset_ = 0;
};

}  // namespace recur::host
