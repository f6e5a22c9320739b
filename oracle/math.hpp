/// @file
/// The scalar functions of the equations, for each arithmetic type.
#pragma once

#include <cmath>
#include <limits>

#include "oracle/float128.hpp"

namespace recur::oracle {

// long double judges doubles: its roundings are at most a 2048th of theirs.
static_assert(std::numeric_limits<long double>::digits >= 64);

inline float absolute(float value) { return std::fabs(value); }
inline double absolute(double value) { return std::fabs(value); }
inline long double absolute(long double value) { return std::fabs(value); }
inline float exponential(float value) { return std::exp(value); }
inline double exponential(double value) { return std::exp(value); }
inline long double exponential(long double value) { return std::exp(value); }
inline float exponential_minus_1(float value) { return std::expm1(value); }
inline double exponential_minus_1(double value) { return std::expm1(value); }
inline long double exponential_minus_1(long double value) { return std::expm1(value); }
inline float logarithm_of_1_plus(float value) { return std::log1p(value); }
inline double logarithm_of_1_plus(double value) { return std::log1p(value); }
inline long double logarithm_of_1_plus(long double value) { return std::log1p(value); }
inline float hyperbolic_tangent(float value) { return std::tanh(value); }
inline double hyperbolic_tangent(double value) { return std::tanh(value); }
inline long double hyperbolic_tangent(long double value) { return std::tanh(value); }

template <class Real>
Real sigmoid(Real value) {
  return Real(1) / (Real(1) + exponential(-value));
}

/// NaN passes through: of the two comparisons that could be written, this one is false for it.
template <class Real>
Real rectified(Real value) {
  return value <= Real(0) ? Real(0) : value;
}

}  // namespace recur::oracle
