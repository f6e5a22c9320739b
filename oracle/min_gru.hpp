/// @file
/// The minimal gated recurrent unit, gates z n. One step of one sequence. Equations: docs/equations.md.
#pragma once

#include "oracle/activations.hpp"
#include "oracle/cell.hpp"

namespace recur::oracle {

/// h = (1 - z) h_prev + z n; `input` = W x + bW [2*H].
template <class Real, class Round>
void min_gru_step(const Spec& spec, const Real* input, const Step<Real>& step, Real* h, Round round) {
  const Index H = spec.hidden_size;
  const ClippedActivation f = function_in(spec, 0);
  for (Index j = 0; j < H; ++j) {
    step.sums[j] = input[j];
    step.gates[j] = function_of(f, input[j]);
    step.sums[H + j] = step.gates[H + j] = input[H + j];
    const Real z = step.gates[j];
    h[j] = round((Real(1) - z) * step.h_prev[j] + z * step.gates[H + j]);
  }
}

/// From dh: writes d_input [2*H] and adds to dh_prev.
template <class Real>
void min_gru_step_backward(const Spec& spec, const Step<const Real>& step, const Real* dh, Real* d_input,
                           Real* dh_prev) {
  const Index H = spec.hidden_size;
  const ClippedActivation f = function_in(spec, 0);
  for (Index j = 0; j < H; ++j) {
    const Real z = step.gates[j];
    const Real n = step.gates[H + j];
    d_input[j] = dh[j] * (n - step.h_prev[j]) * slope_of(f, step.sums[j]);
    d_input[H + j] = dh[j] * z;
    dh_prev[j] += dh[j] * (Real(1) - z);
  }
}

}  // namespace recur::oracle
