// A Highway vector as a value that cells can compute with, and the nonlinearities over it.
//
// Included only by kernels.cpp, which is compiled once per instruction set; everything lives in the namespace
// of that set, so that no function of one set can stand in for another's at link time.
#pragma once

#include <hwy/highway.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "host/bf16.hpp"
#include "host/cpu/simd/unroll.hpp"

namespace recur::host::cpu::RECUR_SIMD_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

template <class E>
struct Vec {
  using Value = E;
  using Tag = hn::ScalableTag<E>;
  using Raw = hn::Vec<Tag>;
  static constexpr std::int64_t kLanes = static_cast<std::int64_t>(hn::MaxLanes(Tag()));

  Raw raw;

  HWY_INLINE Vec() : raw(hn::Zero(Tag())) {}
  HWY_INLINE Vec(Raw value) : raw(value) {}  // NOLINT
  HWY_INLINE explicit Vec(E value) : raw(hn::Set(Tag(), value)) {}
  HWY_INLINE explicit Vec(int value) : raw(hn::Set(Tag(), static_cast<E>(value))) {}

  friend HWY_INLINE Vec operator+(Vec a, Vec b) { return hn::Add(a.raw, b.raw); }
  friend HWY_INLINE Vec operator-(Vec a, Vec b) { return hn::Sub(a.raw, b.raw); }
  friend HWY_INLINE Vec operator*(Vec a, Vec b) { return hn::Mul(a.raw, b.raw); }

  static HWY_INLINE Vec load(const E* from) { return hn::LoadU(Tag(), from); }
  HWY_INLINE void store(E* to) const { hn::StoreU(raw, Tag(), to); }

  // The first `count` lanes, zeros above; touches no memory beyond them. By masks where the instruction set
  // has some that spare what they leave out: through the stack it takes as long as all that is done with a
  // vector.
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX2
  static constexpr bool kHasMasks = true;
#else
  static constexpr bool kHasMasks = false;
#endif
  static HWY_INLINE Vec load(const E* from, std::int64_t count) {
    if (HWY_LIKELY(count >= kLanes)) return load(from);
    return load_part(from, count);
  }
  static HWY_INLINE Vec load_part(const E* from, std::int64_t count) {
    if constexpr (kHasMasks) {
      return hn::MaskedLoad(hn::FirstN(Tag(), static_cast<std::size_t>(count)), Tag(), from);
    } else {
      HWY_ALIGN E lanes[kLanes] = {};
      std::memcpy(lanes, from, static_cast<std::size_t>(count) * sizeof(E));
      return hn::Load(Tag(), lanes);
    }
  }
  HWY_INLINE void store(E* to, std::int64_t count) const {
    if (HWY_LIKELY(count >= kLanes)) return store(to);
    if constexpr (kHasMasks) {
      hn::BlendedStore(raw, hn::FirstN(Tag(), static_cast<std::size_t>(count)), Tag(), to);
    } else {
      HWY_ALIGN E lanes[kLanes];
      hn::Store(raw, Tag(), lanes);
      std::memcpy(to, lanes, static_cast<std::size_t>(count) * sizeof(E));
    }
  }

  // Of a vector of f32: bf16 in memory. Stores round to the nearest, ties to even; NaN stays NaN.
  using HalfTag = hn::Rebind<std::uint16_t, Tag>;
  static HWY_INLINE Vec load(const Bf16* from, std::int64_t count) {
    if (HWY_LIKELY(count >= kLanes)) return widen(hn::LoadU(HalfTag(), &from->bits));
    if constexpr (kHasHalfMasks) {
      const auto mask = hn::FirstN(HalfTag(), static_cast<std::size_t>(count));
      return widen(hn::MaskedLoad(mask, HalfTag(), &from->bits));
    } else {
      HWY_ALIGN std::uint16_t lanes[kLanes] = {};
      std::memcpy(lanes, from, static_cast<std::size_t>(count) * sizeof(Bf16));
      return widen(hn::Load(HalfTag(), lanes));
    }
  }
  HWY_INLINE void store(Bf16* to, std::int64_t count) const {
    const auto half = narrow();
    if (HWY_LIKELY(count >= kLanes)) return hn::StoreU(half, HalfTag(), &to->bits);
    if constexpr (kHasHalfMasks) {
      hn::BlendedStore(half, hn::FirstN(HalfTag(), static_cast<std::size_t>(count)), HalfTag(), &to->bits);
    } else {
      HWY_ALIGN std::uint16_t lanes[kLanes];
      hn::Store(half, HalfTag(), lanes);
      std::memcpy(to, lanes, static_cast<std::size_t>(count) * sizeof(Bf16));
    }
  }

 private:
  // AVX2 has no masks for 16 bits.
#if HWY_TARGET <= HWY_AVX3
  static constexpr bool kHasHalfMasks = true;
#else
  static constexpr bool kHasHalfMasks = false;
#endif
  using BitTag = hn::Rebind<std::uint32_t, Tag>;
  static HWY_INLINE Vec widen(hn::Vec<HalfTag> half) {
    return hn::BitCast(Tag(), hn::ShiftLeft<16>(hn::PromoteTo(BitTag(), half)));
  }
  HWY_INLINE hn::Vec<HalfTag> narrow() const {
    const BitTag d;
    const auto bits = hn::BitCast(d, raw);
    const auto odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(d, 1u));
    const auto rounded = hn::Add(hn::Add(bits, hn::Set(d, 0x7fffu)), odd);
    const auto quiet = hn::Or(bits, hn::Set(d, 0x400000u));
    const auto is_nan = hn::RebindMask(d, hn::IsNaN(raw));
    return hn::TruncateTo(HalfTag(), hn::ShiftRight<16>(hn::IfThenElse(is_nan, quiet, rounded)));
  }
};

// Constants of the exponential. ln 2 is split so that n * ln2_high is exact for every exponent n.
template <class E>
struct ExpConstants;
template <>
struct ExpConstants<float> {
  using Int = std::int32_t;
  static constexpr float kLog2E = 1.44269504f;
  static constexpr float kLn2High = 0.693359375f;
  static constexpr float kLn2Low = -2.12194440e-4f;
  static constexpr int kMantissaBits = 23;
  static constexpr Int kBias = 127;
  static constexpr int kTerms = 8;         // |r|^9 / 9! < 2^-29 |r| for |r| <= ln 2 / 2
  static constexpr float kMaxExp = 88.0f;  // e^88 and e^-87 are normal numbers
  static constexpr float kMinExp = -87.0f;
  static constexpr float kTanhSaturates = 20.0f;  // 1 - tanh(10) < 2^-27
};
template <>
struct ExpConstants<double> {
  using Int = std::int64_t;
  static constexpr double kLog2E = 1.4426950408889634;
  static constexpr double kLn2High = 0x1.62e42fee00000p-1;
  static constexpr double kLn2Low = 0x1.a39ef35793c76p-33;
  static constexpr int kMantissaBits = 52;
  static constexpr Int kBias = 1023;
  static constexpr int kTerms = 14;  // |r|^15 / 15! < 2^-61 |r| for |r| <= ln 2 / 2
  static constexpr double kMaxExp = 709.0;
  static constexpr double kMinExp = -708.0;
  static constexpr double kTanhSaturates = 44.0;  // 1 - tanh(22) < 2^-62
};

// e^x = scale * (1 + fraction) with scale a power of two and |fraction| < 0.42; x must be in
// [kMinExp, kMaxExp]. Cody and Waite's reduction x = n ln 2 + r, then the Taylor series of e^r - 1.
template <class E>
struct ExpParts {
  Vec<E> scale;
  Vec<E> fraction;
};

template <class E>
HWY_INLINE ExpParts<E> exp_parts(Vec<E> x) {
  using C = ExpConstants<E>;
  const typename Vec<E>::Tag d;
  const hn::Rebind<typename C::Int, decltype(d)> d_int;

  const auto n = hn::Round(hn::Mul(x.raw, hn::Set(d, C::kLog2E)));
  auto r = hn::NegMulAdd(n, hn::Set(d, C::kLn2High), x.raw);
  r = hn::NegMulAdd(n, hn::Set(d, C::kLn2Low), r);

  // Horner's rule on sum of r^(k-1) / k!, k = 1 .. kTerms; the loop has a constant count and unrolls.
  E factorial = 1;
  E inverse[C::kTerms + 1];
  for (int k = 1; k <= C::kTerms; ++k) {
    factorial *= static_cast<E>(k);
    inverse[k] = E(1) / factorial;
  }
  // The leading r is added last, for it carries the accuracy.
  auto p = hn::Set(d, inverse[C::kTerms]);
  for (int k = C::kTerms - 1; k >= 2; --k) p = hn::MulAdd(p, r, hn::Set(d, inverse[k]));
  const auto fraction = hn::MulAdd(hn::Mul(r, r), p, r);

  const auto exponent = hn::Add(hn::ConvertTo(d_int, n), hn::Set(d_int, C::kBias));
  const auto scale = hn::BitCast(d, hn::ShiftLeft<C::kMantissaBits>(exponent));
  return {scale, fraction};
}

// The nonlinearities that cells ask for. Error bounds, checked over the whole range by the tests: sigmoid and
// tanh at most 3 units in the last place; sigmoid is 0 below -kMaxExp, where it is less than 6.1e-39 (f32) or
// 1.3e-308 (f64). NaN gives NaN, infinities the limits.
struct VectorMath {
  template <class E>
  static HWY_INLINE Vec<E> sigmoid(Vec<E> x) {
    using C = ExpConstants<E>;
    const typename Vec<E>::Tag d;
    const auto one = hn::Set(d, E(1));
    const auto negative = hn::Neg(x.raw);
    const auto clamped = hn::Min(hn::Max(negative, hn::Set(d, C::kMinExp)), hn::Set(d, C::kMaxExp));
    const ExpParts<E> e = exp_parts(Vec<E>(clamped));
    const auto denominator = hn::Add(one, hn::MulAdd(e.scale.raw, e.fraction.raw, e.scale.raw));
    const auto value = hn::Div(one, denominator);
    const auto too_small = hn::Gt(negative, hn::Set(d, C::kMaxExp));
    return keep_nan(x, Vec<E>(hn::IfThenZeroElse(too_small, value)));
  }

  template <class E>
  static HWY_INLINE Vec<E> tanh(Vec<E> x) {
    using C = ExpConstants<E>;
    const typename Vec<E>::Tag d;
    const auto limit = hn::Set(d, C::kTanhSaturates);
    const auto twice = hn::Add(x.raw, x.raw);
    const auto clamped = hn::Min(hn::Max(twice, hn::Neg(limit)), limit);
    // e^2x - 1, accurate near zero: there the scale is 1 and its difference from 1 vanishes exactly.
    const ExpParts<E> e = exp_parts(Vec<E>(clamped));
    const auto m = hn::MulAdd(e.scale.raw, e.fraction.raw, hn::Sub(e.scale.raw, hn::Set(d, E(1))));
    const auto value = hn::Div(m, hn::Add(m, hn::Set(d, E(2))));
    return keep_nan(x, Vec<E>(value));
  }

  // e^x - 1 of x <= 0, at most 3 units in the last place.
  template <class E>
  static HWY_INLINE Vec<E> expm1_of_negative(Vec<E> x) {
    using C = ExpConstants<E>;
    const typename Vec<E>::Tag d;
    const ExpParts<E> e = exp_parts(Vec<E>(hn::Max(x.raw, hn::Set(d, C::kMinExp))));
    const auto value = hn::MulAdd(e.scale.raw, e.fraction.raw, hn::Sub(e.scale.raw, hn::Set(d, E(1))));
    return keep_nan(x, Vec<E>(value));
  }

  // e^x of x <= 0, at most 3 units in the last place; 0 below kMinExp, where it is less than 1.7e-38 (f32) or
  // 3.4e-308 (f64).
  template <class E>
  static HWY_INLINE Vec<E> exp_of_negative(Vec<E> x) {
    using C = ExpConstants<E>;
    const typename Vec<E>::Tag d;
    const auto least = hn::Set(d, C::kMinExp);
    const ExpParts<E> e = exp_parts(Vec<E>(hn::Max(x.raw, least)));
    const auto value = hn::MulAdd(e.scale.raw, e.fraction.raw, e.scale.raw);
    return keep_nan(x, Vec<E>(hn::IfThenZeroElse(hn::Lt(x.raw, least), value)));
  }

  // log(1 + x) of x in [0, 1], at most 3 units in the last place: 2 atanh(s) with s = x / (2 + x) <= 1/3, as
  // the series of atanh. No reduction is needed.
  template <class E>
  static HWY_INLINE Vec<E> log1p_of_fraction(Vec<E> x) {
    constexpr int kTerms = sizeof(E) == 4 ? 9 : 18;  // s^2k / (2k + 1) < 2^-29, 2^-57 for k = kTerms
    const typename Vec<E>::Tag d;
    const auto s = hn::Div(x.raw, hn::Add(x.raw, hn::Set(d, E(2))));
    const auto square = hn::Mul(s, s);
    auto p = hn::Set(d, E(1) / E(2 * kTerms - 1));
    for (int k = kTerms - 2; k >= 1; --k)
      p = hn::MulAdd(p, square, hn::Set(d, E(1) / static_cast<E>(2 * k + 1)));
    // The leading s is added last, for it carries the accuracy.
    const auto atanh = hn::MulAdd(hn::Mul(s, square), p, s);
    return Vec<E>(hn::Add(atanh, atanh));
  }

  template <class E>
  static HWY_INLINE Vec<E> relu(Vec<E> x) {
    const typename Vec<E>::Tag d;
    return Vec<E>(hn::IfThenZeroElse(hn::Le(x.raw, hn::Zero(d)), x.raw));
  }

  template <class E>
  static HWY_INLINE Vec<E> where_positive(Vec<E> condition, Vec<E> value) {
    const typename Vec<E>::Tag d;
    return Vec<E>(hn::IfThenZeroElse(hn::Le(condition.raw, hn::Zero(d)), value.raw));
  }

  // Min and Max drop NaN on some instruction sets; this puts it back.
  template <class E>
  static HWY_INLINE Vec<E> keep_nan(Vec<E> x, Vec<E> value) {
    return Vec<E>(hn::IfThenElse(hn::IsNaN(x.raw), x.raw, value.raw));
  }
};

}  // namespace recur::host::cpu::RECUR_SIMD_NAMESPACE
