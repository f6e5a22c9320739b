/// @file
/// Elman's cell, one step of one sequence. Equations: docs/equations.md.
#pragma once

#include "oracle/activations.hpp"
#include "oracle/cell.hpp"

namespace recur::oracle {

/// h = g = activation(input + R h_prev + bR), `input` = W x + bW [H]; residual: h = h_prev + g.
template <class Real, class Round>
void rnn_step(const Spec& spec, const DirectionParameters<const Real>& parameters, const Real* input,
              const Step<Real>& step, Real* h, Round round) {
  const Index H = spec.hidden_size;
  std::vector<Real> recurrent(static_cast<std::size_t>(H));
  recurrent_product(parameters, H, 0, H, step.h_prev, recurrent.data(), round);
  const Real* u = recurrent.data();
  const ClippedActivation f = function_in(spec, 0);
  for (Index j = 0; j < H; ++j) {
    step.sums[j] = input[j] + u[j];
    step.gates[j] = function_of(f, step.sums[j]);
    h[j] = round(spec.residual ? step.h_prev[j] + step.gates[j] : step.gates[j]);
  }
}

/// From dh: writes d_input [H] and adds to dh_prev.
template <class Real, class Round>
void rnn_step_backward(const Spec& spec, const DirectionParameters<const Real>& parameters,
                       const DirectionParameters<Real>& gradients, const Step<const Real>& step,
                       const Real* dh, Real* d_input, Real* dh_prev, Round round) {
  const Index H = spec.hidden_size;
  const ClippedActivation f = function_in(spec, 0);
  for (Index j = 0; j < H; ++j) {
    d_input[j] = dh[j] * slope_of(f, step.sums[j]);
    if (spec.residual) dh_prev[j] += dh[j];
  }
  recurrent_product_backward(parameters, gradients, H, 0, H, step.h_prev, d_input, dh_prev, round);
}

}  // namespace recur::oracle
