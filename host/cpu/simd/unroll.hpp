// Loops over constants. Included only by files that are compiled once per instruction set.
#pragma once

#include <hwy/highway.h>

#include <type_traits>
#include <utility>

// Highway of this version knows no set with AVX512_BF16, so that ours has no name there.
#if defined(__AVX512BF16__)
#define RECUR_SIMD_NAMESPACE N_AVX3_BF16
#else
#define RECUR_SIMD_NAMESPACE HWY_NAMESPACE
#endif

// Of a lambda whose captures must stay in registers. HWY_ATTR alone leaves the choice to the compiler, and
// g++ 12 calls the larger ones: what they capture by reference then lives in memory.
#define RECUR_INLINE_LAMBDA HWY_ATTR __attribute__((always_inline))

namespace recur::host::cpu::RECUR_SIMD_NAMESPACE {

// Calls f(integral_constant 0), ... f(integral_constant kCount - 1): an unrolled loop. Every f is a lambda
// with RECUR_INLINE_LAMBDA.
template <int kCount, class F>
HWY_INLINE constexpr void unroll(F&& f) {
  [&]<int... I>(std::integer_sequence<int, I...>) RECUR_INLINE_LAMBDA {
    (f(std::integral_constant<int, I>{}), ...);
  }
  (std::make_integer_sequence<int, kCount>{});
}

}  // namespace recur::host::cpu::RECUR_SIMD_NAMESPACE
