// Copies between what is stored and what is computed with.
#pragma once

#include <algorithm>
#include <type_traits>

#include "host/cpu/storage.hpp"

namespace recur::host::cpu {

inline float widened(Bf16 value) { return to_float(value); }
inline float widened(float value) { return value; }
inline double widened(double value) { return value; }

// `value` as To, rounded once where To is the narrower.
template <class To>
To stored(Arithmetic<To> value) {
  if constexpr (std::is_same_v<To, Bf16>) {
    return to_bf16(value);
  } else {
    return value;
  }
}

template <class From, class To>
void copy_values(const From* from, std::int64_t count, To* to) {
  if constexpr (std::is_same_v<From, To>) {
    std::copy_n(from, count, to);
  } else {
    for (std::int64_t i = 0; i < count; ++i) to[i] = stored<To>(widened(from[i]));
  }
}

}  // namespace recur::host::cpu
