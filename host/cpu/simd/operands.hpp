// What a step of a product reads and how it is multiplied. Included only by product.hpp.
//
// A unit of depth (storage.hpp) is taken in kParts multiply-adds; for each part `left` is a value of A in all
// lanes and `right` comes from the units of as many columns. `left` of a unit that is not whole must not read
// beyond its first value.
#pragma once

#include "host/cpu/simd/vector.hpp"
#include "host/cpu/storage.hpp"

namespace recur::host::cpu::RECUR_SIMD_NAMESPACE {

template <class T>
struct Operands {
  static constexpr int kParts = 1;
  using Factor = Vec<T>;

  template <int kPart, bool kWhole>
  static HWY_INLINE Factor left(const T* a) {
    return Factor(*a);
  }
  template <int kPart>
  static HWY_INLINE Factor right(Vec<T> units) {
    return units;
  }
  static HWY_INLINE Vec<T> multiply_add(Factor left, Factor right, Vec<T> sum) {
    return Vec<T>(hn::MulAdd(left.raw, right.raw, sum.raw));
  }
};

// Both values of k of a row, or one and a zero.
template <bool kWhole>
HWY_INLINE std::uint32_t unit_at(const Bf16* a) {
  if constexpr (!kWhole) return a->bits;
  std::uint32_t unit;
  std::memcpy(&unit, a, sizeof(unit));
  return unit;
}

#if defined(__AVX512BF16__)

// Subnormal operands and sums are zeros to the instruction.
template <>
struct Operands<Bf16> {
  static constexpr int kParts = 1;
  using Factor = Vec<std::uint32_t>;

  template <int kPart, bool kWhole>
  static HWY_INLINE Factor left(const Bf16* a) {
    return Factor(unit_at<kWhole>(a));
  }
  template <int kPart>
  static HWY_INLINE Factor right(Vec<std::uint32_t> units) {
    return units;
  }
  static HWY_INLINE Vec<float> multiply_add(Factor left, Factor right, Vec<float> sum) {
    return hn::Vec<Vec<float>::Tag>{_mm512_dpbf16_ps(sum.raw.raw, reinterpret_cast<__m512bh>(left.raw.raw),
                                                     reinterpret_cast<__m512bh>(right.raw.raw))};
  }
};

#else

// Widened to f32 in registers. The upper half, the later k, is added first, as the instruction does it; since
// products of two bf16 are exact in f32, the bits are the same but for subnormal numbers.
template <>
struct Operands<Bf16> {
  static constexpr int kParts = 2;
  using Factor = Vec<float>;

  template <int kPart, bool kWhole>
  static HWY_INLINE Factor left(const Bf16* a) {
    return half<kPart>(Vec<std::uint32_t>(unit_at<kWhole>(a)));
  }
  template <int kPart>
  static HWY_INLINE Factor right(Vec<std::uint32_t> units) {
    return half<kPart>(units);
  }
  static HWY_INLINE Vec<float> multiply_add(Factor left, Factor right, Vec<float> sum) {
    return Operands<float>::multiply_add(left, right, sum);
  }

 private:
  template <int kPart>
  static HWY_INLINE Vec<float> half(Vec<std::uint32_t> units) {
    const Vec<std::uint32_t>::Tag d;
    const auto bits = kPart == 0 ? hn::And(units.raw, hn::Set(d, 0xffff0000u)) : hn::ShiftLeft<16>(units.raw);
    return Vec<float>(hn::BitCast(Vec<float>::Tag(), bits));
  }
};

#endif

}  // namespace recur::host::cpu::RECUR_SIMD_NAMESPACE
