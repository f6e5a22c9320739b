// Rows of a matrix laid side by side as units of depth (storage.hpp), which is how products read them.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

#include "host/cpu/storage.hpp"

namespace recur::host::cpu {

// The rows of one unit, in order of k. A row that is null is zeros.
template <class E>
using RowsOfUnit = std::array<const E*, StorageTraits<E>::kUnitDepth>;

// to[j] = the unit of value j of the rows.
template <class E>
void put_unit(const RowsOfUnit<E>& rows, std::int64_t count, Unit<E>* to) {
  if constexpr (StorageTraits<E>::kUnitDepth == 1) {
    if (rows[0] == nullptr) {
      std::fill_n(to, count, Unit<E>(0));
    } else {
      std::memcpy(to, rows[0], static_cast<std::size_t>(count) * sizeof(E));
    }
  } else {
    const E* const lower = rows[0];
    const E* const upper = rows[1];
    if (lower == nullptr) {
      std::fill_n(to, count, Unit<E>(0));
    } else {
      for (std::int64_t j = 0; j < count; ++j) to[j] = lower[j].bits;
    }
    if (upper == nullptr) return;
    for (std::int64_t j = 0; j < count; ++j) to[j] |= static_cast<Unit<E>>(upper[j].bits) << 16;
  }
}

}  // namespace recur::host::cpu
