// Dropout between layers on the CPU: what the layer above reads of outputs, and what reaches them of
// gradients. Passes of their own over rows that are in a cache, so that no product and no cell knows of it.
#pragma once

#include <algorithm>
#include <cstdint>

#include "host/cpu/copy.hpp"
#include "host/cpu/simd/kernels.hpp"
#include "kernels/device/dropout.cuh"

namespace recur::host::cpu {

// The mask between layer `layer` and the next one in one call.
template <class E>
struct Dropout {
  const Kernels<E>& kernels;
  device::DropoutRate rate;
  std::uint64_t seed;
  std::int64_t layer;

  // Columns [first, first + count) of row (t, b), in place: zero where they are dropped, else multiplied.
  void apply(std::int64_t t, std::int64_t b, std::int64_t first, std::int64_t count, E* values) const {
    each(t, b, first, count, values, [this](E& value, bool is_kept) { value = read(value, is_kept); });
  }
  // The same of values that are not stored: gradients that are rounded later.
  void apply_unrounded(std::int64_t t, std::int64_t b, std::int64_t first, std::int64_t count,
                       Arithmetic<E>* values) const {
    each(t, b, first, count, values,
         [this](Arithmetic<E>& value, bool is_kept) { value = is_kept ? value * factor() : 0; });
  }
  // The same of the values that are number `part` of their units of depth.
  void apply_to_units(std::int64_t t, std::int64_t b, std::int64_t first, std::int64_t count, int part,
                      Unit<E>* units) const {
    if constexpr (StorageTraits<E>::kUnitDepth == 1) {
      apply(t, b, first, count, units);
    } else {
      const int shift = 16 * part;
      each(t, b, first, count, units, [&](Unit<E>& unit, bool is_kept) {
        const E value = read({static_cast<std::uint16_t>(unit >> shift)}, is_kept);
        unit = (unit & ~(Unit<E>{0xffff} << shift)) | (Unit<E>{value.bits} << shift);
      });
    }
  }

 private:
  Arithmetic<E> factor() const { return static_cast<Arithmetic<E>>(rate.factor); }
  // What the layer above reads of a value.
  E read(E value, bool is_kept) const { return is_kept ? stored<E>(widened(value) * factor()) : E{}; }

  // f(value, whether it is kept) for each of `count` values. A block of words at a time.
  template <class V, class F>
  void each(std::int64_t t, std::int64_t b, std::int64_t first, std::int64_t count, V* values, F&& f) const {
    constexpr std::int64_t kGroup = device::kOutputsPerBlock, kGroups = 64;
    std::uint32_t words[kGroup * kGroups];
    for (std::int64_t done = 0; done < count;) {
      const std::int64_t group = (first + done) / kGroup;
      const std::int64_t skipped = (first + done) % kGroup;
      const std::int64_t some = std::min(count - done, kGroup * kGroups - skipped);
      kernels.dropout_words(seed, layer, t, b, group, (skipped + some + kGroup - 1) / kGroup, words);
      for (std::int64_t k = 0; k < some; ++k) f(values[done + k], words[skipped + k] >= rate.threshold);
      done += some;
    }
  }
};

}  // namespace recur::host::cpu
