// Test tensors: aligned memory with guards around it and gaps between rows, filled so that a stray write
// shows.
#pragma once

#include <gtest/gtest.h>

#include <bit>
#include <cstdint>
#include <new>
#include <span>
#include <string>
#include <vector>

#include "recur/tensor.hpp"
#include "support/random.hpp"

namespace recur::test {

// The bytes of a number as an integer: equal exactly where the numbers are equal to the bit, NaN included.
template <class T>
auto bits_of(const T& value) {
  if constexpr (sizeof(T) == 8) {
    return std::bit_cast<std::uint64_t>(value);
  } else if constexpr (sizeof(T) == 4) {
    return std::bit_cast<std::uint32_t>(value);
  } else {
    return std::bit_cast<std::uint8_t>(value);
  }
}

// A tensor of up to three dimensions whose rows are `gap` elements further apart than they are wide.
// Elements, gaps and the guards before and after start as `poison`.
template <class T>
class Tensor {
 public:
  Tensor(std::vector<std::int64_t> shape, T poison, std::int64_t gap = 0)
      : shape_(std::move(shape)), poison_(poison) {
    strides_.assign(shape_.size(), 1);
    std::int64_t reach = shape_.back() + gap;
    for (std::size_t d = shape_.size() - 1; d-- > 0;) {
      strides_[d] = reach;
      reach = reach * shape_[d] + gap;
    }
    storage_.resize(static_cast<std::size_t>(reach) + 2 * kGuard + kAlignment);
    const auto address = reinterpret_cast<std::uintptr_t>(storage_.data());
    origin_ = (kAlignment - address % kAlignment) % kAlignment / sizeof(T) + kGuard;
    for (T& value : storage_) value = poison;
  }

  T& at(std::int64_t i, std::int64_t j = 0, std::int64_t k = 0) {
    return storage_[origin_ + static_cast<std::size_t>(offset(i, j, k))];
  }

  TensorView view() { return make_view<TensorView>(data()); }
  T* data() { return storage_.data() + origin_; }
  std::int64_t size(std::size_t d) const { return shape_[d]; }

  // Dense copy of the elements.
  std::vector<T> values() {
    std::vector<T> result;
    for_each([&](T& value) { result.push_back(value); });
    return result;
  }
  void assign(std::span<const T> values) {
    std::size_t i = 0;
    for_each([&](T& value) { value = values[i++]; });
  }
  void randomise(Random random, double bound) {
    for_each([&](T& value) { value = static_cast<T>(random.symmetric(bound)); });
  }

  // True when nothing outside the elements was written; with `everything`, the elements neither.
  bool untouched(bool everything = false) {
    std::vector<T> copy = storage_;
    if (!everything) {
      for_each([&](T& value) { copy[static_cast<std::size_t>(&value - storage_.data())] = poison_; });
    }
    for (const T& value : copy) {
      if (bits_of(value) != bits_of(poison_)) return false;
    }
    return true;
  }

 private:
  static constexpr std::size_t kAlignment = 64;
  static constexpr std::size_t kGuard = 64;  // elements; keeps the alignment

  std::int64_t offset(std::int64_t i, std::int64_t j, std::int64_t k) const {
    std::int64_t sum = i * strides_[0];
    if (shape_.size() > 1) sum += j * strides_[1];
    if (shape_.size() > 2) sum += k * strides_[2];
    return sum;
  }

  template <class Body>
  void for_each(Body&& body) {
    const std::int64_t J = shape_.size() > 1 ? shape_[1] : 1;
    const std::int64_t K = shape_.size() > 2 ? shape_[2] : 1;
    for (std::int64_t i = 0; i < shape_[0]; ++i) {
      for (std::int64_t j = 0; j < J; ++j) {
        for (std::int64_t k = 0; k < K; ++k) body(at(i, j, k));
      }
    }
  }

  template <class View>
  View make_view(T* base) const {
    const auto& s = shape_;
    const auto& t = strides_;
    if (s.size() == 1) return View(base, data_type_of<T>, {s[0]}, {t[0]});
    if (s.size() == 2) return View(base, data_type_of<T>, {s[0], s[1]}, {t[0], t[1]});
    return View(base, data_type_of<T>, {s[0], s[1], s[2]}, {t[0], t[1], t[2]});
  }

  std::vector<std::int64_t> shape_;
  std::vector<std::int64_t> strides_;
  T poison_;
  std::vector<T> storage_;
  std::size_t origin_ = 0;
};

// A workspace: 64-byte aligned bytes.
class Workspace {
 public:
  explicit Workspace(std::size_t bytes) : storage_(bytes + 64), bytes_(bytes) {}
  std::span<std::byte> span() {
    const auto address = reinterpret_cast<std::uintptr_t>(storage_.data());
    return {storage_.data() + (64 - address % 64) % 64, bytes_};
  }

 private:
  std::vector<std::byte> storage_;
  std::size_t bytes_;
};

// Expects `call` to throw Exception with every one of `parts` in its message.
template <class Exception, class Call>
void expect_throws(Call&& call, std::initializer_list<std::string> parts, const std::string& label) {
  try {
    call();
    ADD_FAILURE() << label << ": nothing was thrown";
  } catch (const Exception& error) {
    for (const std::string& part : parts) {
      EXPECT_NE(std::string(error.what()).find(part), std::string::npos)
          << label << ": no '" << part << "' in: " << error.what();
    }
  } catch (const std::exception& error) {
    ADD_FAILURE() << label << ": another exception: " << error.what();
  }
}

// Equal to the bit, NaN included.
template <class T>
::testing::AssertionResult same_bits(const std::vector<T>& a, const std::vector<T>& b) {
  if (a.size() != b.size()) {
    return ::testing::AssertionFailure() << "sizes " << a.size() << " and " << b.size();
  }
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (bits_of(a[i]) != bits_of(b[i])) {
      return ::testing::AssertionFailure() << "element " << i << ": " << a[i] << " and " << b[i];
    }
  }
  return ::testing::AssertionSuccess();
}

}  // namespace recur::test
