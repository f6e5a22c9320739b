// What a step of a product reads and how it is multiplied. Included only by product.hpp.
//
// `factor` is a unit of depth (storage.hpp) of a row of A, in all lanes; it is multiplied with the units of
// as many columns of B. kFactorRegisters is how many registers a row's factor takes, kOtherRegisters what
// else a tile holds beside its sums: a vector of B, and where products are not fused with sums, the product.
#pragma once

#include "host/cpu/simd/vector.hpp"
#include "host/cpu/storage.hpp"

namespace recur::host::cpu::RECUR_SIMD_NAMESPACE {

#if HWY_TARGET <= HWY_AVX2 || HWY_ARCH_ARM_A64
inline constexpr int kProductRegisters = 0;
#else
inline constexpr int kProductRegisters = 1;
#endif

template <class E>
struct Operands {
  using Factor = Vec<E>;
  static constexpr int kFactorRegisters = 1;
  static constexpr int kOtherRegisters = 1 + kProductRegisters;

  static HWY_INLINE Factor factor(const E* a) { return Factor(*a); }
  static HWY_INLINE Vec<E> multiply_add(Factor left, Vec<E> right, Vec<E> sum) {
    return Vec<E>(hn::MulAdd(left.raw, right.raw, sum.raw));
  }
};

// Both values of k of a row.
HWY_INLINE Vec<std::uint32_t> unit_at(const Bf16* a) {
  std::uint32_t unit;
  std::memcpy(&unit, a, sizeof(unit));
  return Vec<std::uint32_t>(unit);
}

#if defined(__AVX512BF16__)

// Subnormal operands and sums are zeros to the instruction.
template <>
struct Operands<Bf16> {
  using Factor = Vec<std::uint32_t>;
  static constexpr int kFactorRegisters = 1;
  static constexpr int kOtherRegisters = 1;

  static HWY_INLINE Factor factor(const Bf16* a) { return unit_at(a); }
  static HWY_INLINE Vec<float> multiply_add(Factor left, Vec<std::uint32_t> right, Vec<float> sum) {
    return hn::Vec<Vec<float>::Tag>{_mm512_dpbf16_ps(sum.raw.raw, reinterpret_cast<__m512bh>(left.raw.raw),
                                                     reinterpret_cast<__m512bh>(right.raw.raw))};
  }
};

#else

// Widened to f32 in registers. The upper half, the later k, is added first, as the instruction does it; since
// products of two bf16 are exact in f32, the bits are the same but for subnormal numbers.
template <>
struct Operands<Bf16> {
  struct Factor {
    Vec<float> later;
    Vec<float> earlier;
  };
  static constexpr int kFactorRegisters = 2;
  // The columns, both halves of them, the mask and one more, as clang 14 schedules it; without fused products
  // copies of what they overwrite as well. Found by looking (tests/machine_code).
  static constexpr int kOtherRegisters = 5 + 3 * kProductRegisters;

  static HWY_INLINE Factor factor(const Bf16* a) {
    const Vec<std::uint32_t> unit = unit_at(a);
    return {later(unit), earlier(unit)};
  }
  static HWY_INLINE Vec<float> multiply_add(Factor left, Vec<std::uint32_t> right, Vec<float> sum) {
    sum = Operands<float>::multiply_add(left.later, later(right), sum);
    return Operands<float>::multiply_add(left.earlier, earlier(right), sum);
  }

 private:
  static HWY_INLINE Vec<float> later(Vec<std::uint32_t> units) {
    const Vec<std::uint32_t>::Tag d;
    return Vec<float>(hn::BitCast(Vec<float>::Tag(), hn::And(units.raw, hn::Set(d, 0xffff0000u))));
  }
  static HWY_INLINE Vec<float> earlier(Vec<std::uint32_t> units) {
    return Vec<float>(hn::BitCast(Vec<float>::Tag(), hn::ShiftLeft<16>(units.raw)));
  }
};

#endif

}  // namespace recur::host::cpu::RECUR_SIMD_NAMESPACE
