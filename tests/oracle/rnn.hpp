/// @file
/// Elman's cell, one step of one sequence. Equations: docs/equations.md.
#pragma once

#include "oracle/cell.hpp"
#include "oracle/math.hpp"

namespace recur::oracle {

/// h = activation(input + R h_prev + bR), `input` = W x + bW [H].
template <class Real, class Round>
void rnn_step(const Spec& spec, const DirectionParameters<const Real>& parameters, const Real* input,
              const Step<Real>& step, Real* h, Round round) {
  const Index H = spec.hidden_size;
  std::vector<Real> recurrent(static_cast<std::size_t>(H));
  recurrent_product(parameters, H, 0, H, step.h_prev, recurrent.data(), round);
  const Real* u = recurrent.data();
  for (Index j = 0; j < H; ++j) {
    step.linear[j] = input[j] + u[j];
    step.gates[j] = spec.activation == RnnActivation::relu ? rectified(step.linear[j])
                                                           : hyperbolic_tangent(step.linear[j]);
    h[j] = round(step.gates[j]);
  }
}

/// From dh: writes d_input [H] and adds to dh_prev.
template <class Real, class Round>
void rnn_step_backward(const Spec& spec, const DirectionParameters<const Real>& parameters,
                       const DirectionParameters<Real>& gradients, const Step<const Real>& step,
                       const Real* dh, Real* d_input, Real* dh_prev, Round round) {
  const Index H = spec.hidden_size;
  for (Index j = 0; j < H; ++j) {
    // The derivative of relu at 0 is 0.
    const Real slope = spec.activation == RnnActivation::relu ? Real(step.linear[j] > Real(0) ? 1 : 0)
                                                              : Real(1) - step.gates[j] * step.gates[j];
    d_input[j] = dh[j] * slope;
  }
  recurrent_product_backward(parameters, gradients, H, 0, H, step.h_prev, d_input, dh_prev, round);
}

}  // namespace recur::oracle
