// Dropout between layers on the CPU: what the layer above reads of outputs, and what reaches them of
// gradients. Passes of their own over rows that are in a cache, so that no product and no cell knows of it.
#pragma once

#include <algorithm>
#include <cstdint>

#include "host/cpu/copy.hpp"
#include "host/cpu/simd/kernels.hpp"
#include "kernels/device/dropout.cuh"

namespace recur::host::cpu {

// The marks between layer `layer` and the next one in one call.
template <class T>
struct Dropout {
  const Kernels<T>& kernels;
  device::DropoutRate rate;
  std::uint64_t seed;
  std::int64_t layer;

  // Columns [first, first + count) of row (t, b), in place: zero where they are dropped, else multiplied.
  void apply(std::int64_t t, std::int64_t b, std::int64_t first, std::int64_t count, T* values) const {
    change(t, b, first, count, values,
           [](T value, Arithmetic<T> factor) { return stored<T>(widened(value) * factor); });
  }
  // The same of values that are not stored: gradients that are rounded later.
  void apply_unrounded(std::int64_t t, std::int64_t b, std::int64_t first, std::int64_t count,
                       Arithmetic<T>* values) const {
    change(t, b, first, count, values,
           [](Arithmetic<T> value, Arithmetic<T> factor) { return value * factor; });
  }
  // And of copies of stored values, which become what `apply` made of the values themselves.
  void apply_to_copies(std::int64_t t, std::int64_t b, std::int64_t first, std::int64_t count,
                       Arithmetic<T>* values) const {
    change(t, b, first, count, values,
           [](Arithmetic<T> value, Arithmetic<T> factor) { return widened(stored<T>(value * factor)); });
  }

 private:
  // Those that are kept become f(value, factor). A block of words at a time.
  template <class V, class F>
  void change(std::int64_t t, std::int64_t b, std::int64_t first, std::int64_t count, V* values,
              F&& f) const {
    constexpr std::int64_t kGroup = device::kOutputsPerBlock, kGroups = 64;
    const auto factor = static_cast<Arithmetic<T>>(rate.factor);
    std::uint32_t words[kGroup * kGroups];
    for (std::int64_t done = 0; done < count;) {
      const std::int64_t group = (first + done) / kGroup;
      const std::int64_t skipped = (first + done) % kGroup;
      const std::int64_t some = std::min(count - done, kGroup * kGroups - skipped);
      kernels.dropout_words(seed, layer, t, b, group, (skipped + some + kGroup - 1) / kGroup, words);
      for (std::int64_t k = 0; k < some; ++k) {
        V& value = values[done + k];
        value = words[skipped + k] >= rate.threshold ? f(value, factor) : V{};
      }
      done += some;
    }
  }
};

}  // namespace recur::host::cpu
