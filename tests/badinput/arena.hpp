/// @file
/// One block of memory that holds everything a call is given, so that one comparison tells whether anything
/// was written.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <vector>

#include "support/aligned.hpp"

namespace recur::test {

/// Hands out aligned pieces of poisoned memory, each followed by `gap` bytes that belong to nobody.
class Arena {
 public:
  Arena(std::size_t bytes, std::size_t gap) : memory_(bytes), gap_(gap) {}

  std::byte* take(std::size_t bytes, std::size_t alignment = 64) {
    used_ = (used_ + alignment - 1) / alignment * alignment;
    std::byte* result = memory_.data() + used_;
    used_ += bytes + gap_;
    if (used_ > memory_.size()) throw std::length_error("arena: too small for this test");
    return result;
  }

  std::vector<std::byte> snapshot() const { return {memory_.data(), memory_.data() + used_}; }

  /// Index of the first byte that differs from the snapshot, or -1.
  std::ptrdiff_t first_change(const std::vector<std::byte>& before) const {
    if (std::memcmp(before.data(), memory_.data(), before.size()) == 0) return -1;
    std::size_t i = 0;
    while (before[i] == memory_.data()[i]) ++i;
    return static_cast<std::ptrdiff_t>(i);
  }
  std::ptrdiff_t offset_of(const void* data) const {
    return static_cast<const std::byte*>(data) - memory_.data();
  }

 private:
  Aligned<std::byte> memory_;
  std::size_t gap_;
  std::size_t used_ = 0;
};

}  // namespace recur::test
