// Functions that a Spec gives its gates in place of the cell's own, as a policy of the cells
// (kernels/cells/activations.cuh): each value with its slope. Equations: docs/equations.md. Included only by
// kernels.cpp.
#pragma once

#include <limits>

#include "host/cpu/simd/kernels.hpp"
#include "host/cpu/simd/vector.hpp"

namespace recur::host::cpu::RECUR_SIMD_NAMESPACE {

template <class E>
struct Activated {
  Vec<E> value;
  Vec<E> slope;
};

// One of them for all cells: inlined, the switch would be most of a tile. Error bounds, checked over the
// whole range by the tests: values at most 3 units in the last place (where alpha x and beta cancel, of
// beta's), 4.5 for scaled_tanh, which rounds the arguments and results of tanh; slopes 4 units of 1. softplus
// is 0 where exp_of_negative is. NaN gives NaN, infinities the limits. Where a function bends, the slope is
// that of the branch that gives the value.
template <class E>
HWY_NOINLINE Activated<E> activated(const TypedActivation<E>& function, Vec<E> x) {
  using V = Vec<E>;
  using M = VectorMath;
  const V zero, one(1), alpha(function.alpha), beta(function.beta);
  const auto choose = [](auto mask, V yes, V no)
                          HWY_ATTR { return V(hn::IfThenElse(mask, yes.raw, no.raw)); };
  const V negative(hn::Min(x.raw, zero.raw));
  switch (function.function) {
    case Activation::standard: break;  // resolved before a kernel sees it
    case Activation::sigmoid: {
      const V y = M::sigmoid(x);
      return {y, y * (one - y)};
    }
    case Activation::tanh: {
      const V y = M::tanh(x);
      return {y, one - y * y};
    }
    case Activation::relu: return {M::relu(x), M::where_positive(x, one)};
    case Activation::affine: return {V(hn::MulAdd(alpha.raw, x.raw, beta.raw)), alpha};
    case Activation::leaky_relu: {
      const auto below = hn::Lt(x.raw, zero.raw);
      return {choose(below, alpha * x, x), choose(below, alpha, one)};
    }
    case Activation::thresholded_relu: {
      const auto below = hn::Lt(x.raw, alpha.raw);
      return {choose(below, zero, x), choose(below, zero, one)};
    }
    case Activation::scaled_tanh: {
      const V y = M::tanh(beta * x);
      return {alpha * y, alpha * beta * (one - y * y)};
    }
    case Activation::hard_sigmoid: {
      const V line(hn::MulAdd(alpha.raw, x.raw, beta.raw));
      const V clamped(hn::Min(hn::Max(line.raw, zero.raw), one.raw));
      const auto outside = hn::Or(hn::Lt(line.raw, zero.raw), hn::Gt(line.raw, one.raw));
      return {M::keep_nan(line, clamped), choose(outside, zero, alpha)};
    }
    case Activation::elu: {
      const auto below = hn::Lt(x.raw, zero.raw);
      return {choose(below, alpha * M::expm1_of_negative(negative), x),
              choose(below, alpha * M::exp_of_negative(negative), one)};
    }
    case Activation::softsign: {
      // Infinities as the largest numbers, which are as near the limits.
      const V most(std::numeric_limits<E>::max());
      const V magnitude(hn::Min(hn::Abs(x.raw), most.raw));
      const V inverse(hn::Div(one.raw, (one + magnitude).raw));
      const V ratio(hn::Div(magnitude.raw, (one + magnitude).raw));
      return {M::keep_nan(x, V(hn::CopySign(ratio.raw, x.raw))), M::keep_nan(x, inverse * inverse)};
    }
    case Activation::softplus: {
      const V small = M::log1p_of_fraction(M::exp_of_negative(V(hn::Neg(hn::Abs(x.raw)))));
      return {M::keep_nan(x, V(hn::Max(x.raw, zero.raw)) + small), M::sigmoid(x)};
    }
  }
  return {x, one};
}

struct GivenActivations {
  static constexpr bool kSlopes = true;
  template <class V>
  struct Choice {
    const TypedActivations<typename V::Value>* activations;
  };

  // The argument is clamped, which has slope 0 outside.
  template <class Role, class Math, class Unit, class E>
  static HWY_INLINE Vec<E> value(Unit& u, int gate, Vec<E> sum) {
    const typename Vec<E>::Tag d;
    const auto clip = hn::Set(d, u.activations->clip);
    const Vec<E> clamped(hn::Min(hn::Max(sum.raw, hn::Neg(clip)), clip));
    const Activated<E> result =
        activated(u.activations->of[Role::kPlace], VectorMath::keep_nan(sum, clamped));
    const auto outside = hn::Gt(hn::Abs(sum.raw), clip);
    u.saved[gate] = result.value;
    u.saved[Unit::Kind::kValues + gate] = Vec<E>(hn::IfThenZeroElse(outside, result.slope.raw));
    return result.value;
  }

  template <class Role, class Math, class Unit, class V>
  static HWY_INLINE V times_slope(const Unit& u, int gate, V gradient) {
    return gradient * u.saved[Unit::Kind::kValues + gate];
  }

  // c is not clamped: docs/equations.md.
  template <class Math, class Unit, class V>
  static HWY_INLINE V output(const Unit& u, V c) {
    return activated(u.activations->of[cells::OutputRole::kPlace], c).value;
  }
  template <class Math, class Unit, class V>
  static HWY_INLINE V output(const Unit& u, V c, V& gradient) {
    const auto result = activated(u.activations->of[cells::OutputRole::kPlace], c);
    gradient = gradient * result.slope;
    return result.value;
  }
};

}  // namespace recur::host::cpu::RECUR_SIMD_NAMESPACE
