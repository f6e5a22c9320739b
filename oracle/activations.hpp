/// @file
/// The functions of gates, each with its derivative, and the clamp of their arguments. Equations:
/// docs/equations.md.
#pragma once

#include <vector>

#include "oracle/math.hpp"
#include "recur/spec.hpp"

namespace recur::oracle {

/// A function with its parameters, and the bound of its argument (0: none).
struct ClippedActivation {
  Activation function;
  double alpha;
  double beta;
  double clip;
};

/// The Spec as one direction sees it, 0 or 1: its functions are `activations`.
inline Spec of_direction(Spec spec, std::int64_t direction) {
  if (direction == 1 && spec.reverse_activations) spec.activations = *spec.reverse_activations;
  return spec;
}

/// The function of one of ONNX's places: 0 is f, 1 is g, 2 is h, which takes its argument as it is.
inline ClippedActivation function_in(const Spec& spec, std::size_t place) {
  const GateActivation& given = spec.activations[place];
  ClippedActivation result{given.function, given.alpha, given.beta, place == 2 ? 0.0 : spec.clip};
  if (given.function == Activation::standard) {
    const bool is_relu = spec.cell == Cell::rnn && spec.activation == RnnActivation::relu;
    const bool is_gate = spec.cell != Cell::rnn && place == 0;
    result.function = is_relu ? Activation::relu : is_gate ? Activation::sigmoid : Activation::tanh;
  }
  return result;
}

/// Where the derivative jumps, of the argument.
inline std::vector<double> kinks_of(const ClippedActivation& f) {
  std::vector<double> kinks;
  switch (f.function) {
    case Activation::relu:
    case Activation::leaky_relu:
    case Activation::elu: kinks = {0}; break;
    case Activation::thresholded_relu: kinks = {f.alpha}; break;
    case Activation::hard_sigmoid:
      if (f.alpha != 0) kinks = {-f.beta / f.alpha, (1 - f.beta) / f.alpha};
      break;
    default: break;
  }
  if (f.clip > 0) kinks.insert(kinks.end(), {-f.clip, f.clip});
  return kinks;
}

/// NaN is inside.
template <class Real>
bool is_outside(Real argument, double bound) {
  return bound > 0 && (argument < Real(-bound) || argument > Real(bound));
}

template <class Real>
Real function_of(const ClippedActivation& f, Real argument) {
  const Real alpha = static_cast<Real>(f.alpha);
  const Real beta = static_cast<Real>(f.beta);
  Real x = argument;
  if (is_outside(x, f.clip)) x = static_cast<Real>(x > Real(0) ? f.clip : -f.clip);
  switch (f.function) {
    case Activation::sigmoid: return sigmoid(x);
    case Activation::tanh: return hyperbolic_tangent(x);
    case Activation::relu: return rectified(x);
    case Activation::affine: return alpha * x + beta;
    case Activation::leaky_relu: return x < Real(0) ? alpha * x : x;
    case Activation::thresholded_relu: return x < alpha ? Real(0) : x;
    case Activation::scaled_tanh: return alpha * hyperbolic_tangent(beta * x);
    case Activation::hard_sigmoid: {
      const Real line = alpha * x + beta;
      if (line < Real(0)) return Real(0);
      return line > Real(1) ? Real(1) : line;
    }
    case Activation::elu: return x < Real(0) ? alpha * exponential_minus_1(x) : x;
    case Activation::softsign: return x / (Real(1) + absolute(x));
    case Activation::softplus:
      return (x > Real(0) ? x : Real(0)) + logarithm_of_1_plus(exponential(-absolute(x)));
    case Activation::standard: break;
  }
  return x;
}

/// The derivative. Where it jumps it is that of the branch that gives the value; a relu has 0 at 0.
template <class Real>
Real slope_of(const ClippedActivation& f, Real argument) {
  const Real alpha = static_cast<Real>(f.alpha);
  const Real x = argument;
  if (is_outside(x, f.clip)) return Real(0);
  switch (f.function) {
    case Activation::sigmoid: {
      const Real y = sigmoid(x);
      return y * (Real(1) - y);
    }
    case Activation::tanh: {
      const Real y = hyperbolic_tangent(x);
      return Real(1) - y * y;
    }
    case Activation::relu: return Real(x > Real(0) ? 1 : 0);
    case Activation::affine: return alpha;
    case Activation::leaky_relu: return x < Real(0) ? alpha : Real(1);
    case Activation::thresholded_relu: return Real(x < alpha ? 0 : 1);
    case Activation::scaled_tanh: {
      const Real beta = static_cast<Real>(f.beta);
      const Real y = hyperbolic_tangent(beta * x);
      return alpha * beta * (Real(1) - y * y);
    }
    case Activation::hard_sigmoid: {
      const Real line = alpha * x + static_cast<Real>(f.beta);
      return line < Real(0) || line > Real(1) ? Real(0) : alpha;
    }
    case Activation::elu: return x < Real(0) ? alpha * exponential(x) : Real(1);
    case Activation::softsign: {
      const Real below = Real(1) + absolute(x);
      return Real(1) / (below * below);
    }
    case Activation::softplus: return sigmoid(x);
    case Activation::standard: break;
  }
  return Real(1);
}

}  // namespace recur::oracle
