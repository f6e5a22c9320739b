#include "perf/floors/multiply_adds.hpp"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "perf/floors/multiply_adds.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace recur::perf {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// Chains are variables with names, not an array, which a compiler may keep in memory:
// tests/perf/check_registers looks at what became of the loop. They start apart, or a compiler could take one
// for the other, and go on by multiplying what they are, or the product could be formed once where it is an
// instruction of its own. All of them near 2, where no value is slow.
template <class T>
HWY_INLINE double multiply_add_loop(std::size_t times, T& value) {
  const hn::ScalableTag<T> d;
  const auto factor = hn::Set(d, static_cast<T>(0.5));
  const auto term = hn::Set(d, static_cast<T>(1));
  auto s0 = hn::Set(d, value + static_cast<T>(0)), s1 = hn::Set(d, value + static_cast<T>(1));
  auto s2 = hn::Set(d, value + static_cast<T>(2)), s3 = hn::Set(d, value + static_cast<T>(3));
  auto s4 = hn::Set(d, value + static_cast<T>(4)), s5 = hn::Set(d, value + static_cast<T>(5));
  auto s6 = hn::Set(d, value + static_cast<T>(6)), s7 = hn::Set(d, value + static_cast<T>(7));
  auto s8 = hn::Set(d, value + static_cast<T>(8)), s9 = hn::Set(d, value + static_cast<T>(9));
  auto s10 = hn::Set(d, value + static_cast<T>(10)), s11 = hn::Set(d, value + static_cast<T>(11));
  for (std::size_t i = 0; i < times; ++i) {
    s0 = hn::MulAdd(s0, factor, term);
    s1 = hn::MulAdd(s1, factor, term);
    s2 = hn::MulAdd(s2, factor, term);
    s3 = hn::MulAdd(s3, factor, term);
    s4 = hn::MulAdd(s4, factor, term);
    s5 = hn::MulAdd(s5, factor, term);
    s6 = hn::MulAdd(s6, factor, term);
    s7 = hn::MulAdd(s7, factor, term);
    s8 = hn::MulAdd(s8, factor, term);
    s9 = hn::MulAdd(s9, factor, term);
    s10 = hn::MulAdd(s10, factor, term);
    s11 = hn::MulAdd(s11, factor, term);
  }
  const auto low = hn::Add(hn::Add(hn::Add(s0, s1), hn::Add(s2, s3)), hn::Add(s4, s5));
  const auto high = hn::Add(hn::Add(hn::Add(s6, s7), hn::Add(s8, s9)), hn::Add(s10, s11));
  value = hn::GetLane(hn::Add(low, high));
  return 2 * static_cast<double>(times * kMultiplyAddChains * hn::Lanes(d));
}

double multiply_add_f32(std::size_t times, float& value) { return multiply_add_loop(times, value); }
double multiply_add_f64(std::size_t times, double& value) { return multiply_add_loop(times, value); }

}  // namespace HWY_NAMESPACE
}  // namespace recur::perf
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace recur::perf {

HWY_EXPORT(multiply_add_f32);
HWY_EXPORT(multiply_add_f64);

double multiply_add(std::size_t times, float& value) {
  return HWY_DYNAMIC_DISPATCH(multiply_add_f32)(times, value);
}
double multiply_add(std::size_t times, double& value) {
  return HWY_DYNAMIC_DISPATCH(multiply_add_f64)(times, value);
}

// Highway has no such set.
#if defined(__x86_64__)
bool has_bf16_multiply_add() {
  return __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bf16") != 0;
}

__attribute__((target("avx512f,avx512bf16"))) double multiply_add_bf16(std::size_t times, float& value) {
  // Pairs of 1 times pairs of 1 and -1: the sums stay what they are.
  const auto ones = reinterpret_cast<__m512bh>(_mm512_set1_epi32(0x3f803f80));
  const auto signs = reinterpret_cast<__m512bh>(_mm512_set1_epi32(0x3f80bf80u));
  __m512 s0 = _mm512_set1_ps(value), s1 = _mm512_set1_ps(value + 1), s2 = _mm512_set1_ps(value + 2);
  __m512 s3 = _mm512_set1_ps(value + 3), s4 = _mm512_set1_ps(value + 4), s5 = _mm512_set1_ps(value + 5);
  __m512 s6 = _mm512_set1_ps(value + 6), s7 = _mm512_set1_ps(value + 7), s8 = _mm512_set1_ps(value + 8);
  __m512 s9 = _mm512_set1_ps(value + 9), s10 = _mm512_set1_ps(value + 10), s11 = _mm512_set1_ps(value + 11);
  for (std::size_t i = 0; i < times; ++i) {
    s0 = _mm512_dpbf16_ps(s0, ones, signs);
    s1 = _mm512_dpbf16_ps(s1, ones, signs);
    s2 = _mm512_dpbf16_ps(s2, ones, signs);
    s3 = _mm512_dpbf16_ps(s3, ones, signs);
    s4 = _mm512_dpbf16_ps(s4, ones, signs);
    s5 = _mm512_dpbf16_ps(s5, ones, signs);
    s6 = _mm512_dpbf16_ps(s6, ones, signs);
    s7 = _mm512_dpbf16_ps(s7, ones, signs);
    s8 = _mm512_dpbf16_ps(s8, ones, signs);
    s9 = _mm512_dpbf16_ps(s9, ones, signs);
    s10 = _mm512_dpbf16_ps(s10, ones, signs);
    s11 = _mm512_dpbf16_ps(s11, ones, signs);
  }
  const __m512 low = (s0 + s1) + (s2 + s3) + (s4 + s5);
  const __m512 high = (s6 + s7) + (s8 + s9) + (s10 + s11);
  value = _mm512_cvtss_f32(low + high) / static_cast<float>(kMultiplyAddChains);
  constexpr std::size_t kProducts = 32;  // of an instruction
  return 2 * static_cast<double>(times * kMultiplyAddChains * kProducts);
}
#else
bool has_bf16_multiply_add() { return false; }
double multiply_add_bf16(std::size_t times, float& value) { return multiply_add(times, value); }
#endif

}  // namespace recur::perf
#endif
