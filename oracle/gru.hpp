/// @file
/// The gated recurrent unit, reset after or before the recurrent product; gates r z n. One step of one
/// sequence. Equations: docs/equations.md.
#pragma once

#include "oracle/activations.hpp"
#include "oracle/cell.hpp"

namespace recur::oracle {

/// h = (1 - z) n + z h_prev; `input` = W x + bW [3*H].
template <class Real, class Round>
void gru_step(const Spec& spec, const DirectionParameters<const Real>& parameters, const Real* input,
              const Step<Real>& step, Real* h, Round round) {
  const Index H = spec.hidden_size;
  Real* r = step.gates;
  Real* z = step.gates + H;
  Real* n = step.gates + 2 * H;
  const ClippedActivation f = function_in(spec, 0);
  const ClippedActivation g = function_in(spec, 1);

  std::vector<Real> recurrent(static_cast<std::size_t>(2 * H));
  recurrent_product(parameters, H, 0, 2 * H, step.h_prev, recurrent.data(), round);
  const Real* u = recurrent.data();
  for (Index j = 0; j < 2 * H; ++j) {
    step.sums[j] = input[j] + u[j];
    step.gates[j] = function_of(f, step.sums[j]);  // r, then z
  }

  if (spec.gru_reset == GruReset::after) {
    recurrent_product(parameters, H, 2 * H, H, step.h_prev, step.linear, round);
    for (Index j = 0; j < H; ++j) step.sums[2 * H + j] = input[2 * H + j] + r[j] * step.linear[j];
  } else {
    std::vector<Real> reset_h(static_cast<std::size_t>(H));
    for (Index j = 0; j < H; ++j) reset_h[static_cast<std::size_t>(j)] = round(r[j] * step.h_prev[j]);
    recurrent_product(parameters, H, 2 * H, H, reset_h.data(), step.linear, round);
    for (Index j = 0; j < H; ++j) step.sums[2 * H + j] = input[2 * H + j] + step.linear[j];
  }

  for (Index j = 0; j < H; ++j) {
    n[j] = function_of(g, step.sums[2 * H + j]);
    h[j] = round((Real(1) - z[j]) * n[j] + z[j] * step.h_prev[j]);
  }
}

/// From dh: writes d_input [3*H] and adds to dh_prev.
template <class Real, class Round>
void gru_step_backward(const Spec& spec, const DirectionParameters<const Real>& parameters,
                       const DirectionParameters<Real>& gradients, const Step<const Real>& step,
                       const Real* dh, Real* d_input, Real* dh_prev, Round round) {
  const Index H = spec.hidden_size;
  const Real* r = step.gates;
  const Real* z = step.gates + H;
  const Real* n = step.gates + 2 * H;
  const Real* h_prev = step.h_prev;
  const ClippedActivation f = function_in(spec, 0);
  const ClippedActivation g = function_in(spec, 1);
  Real* da_r = d_input;
  Real* da_z = d_input + H;
  Real* da_n = d_input + 2 * H;

  for (Index j = 0; j < H; ++j) {
    dh_prev[j] += dh[j] * z[j];
    da_z[j] = dh[j] * (h_prev[j] - n[j]) * slope_of(f, step.sums[H + j]);
    da_n[j] = dh[j] * (Real(1) - z[j]) * slope_of(g, step.sums[2 * H + j]);
  }

  std::vector<Real> scratch(static_cast<std::size_t>(2 * H));
  if (spec.gru_reset == GruReset::after) {
    // linear = R_n h_prev + bR_n enters n times r, so its gradient is da_n * r.
    Real* d_linear = scratch.data();
    for (Index j = 0; j < H; ++j) {
      da_r[j] = da_n[j] * step.linear[j] * slope_of(f, step.sums[j]);
      d_linear[j] = da_n[j] * r[j];
    }
    recurrent_product_backward(parameters, gradients, H, 2 * H, H, h_prev, d_linear, dh_prev, round);
  } else {
    // linear = R_n (r * h_prev) + bR_n: first the gradient of r * h_prev, then of its two factors.
    Real* reset_h = scratch.data();
    Real* d_reset_h = scratch.data() + H;
    for (Index j = 0; j < H; ++j) reset_h[j] = round(r[j] * h_prev[j]);
    recurrent_product_backward(parameters, gradients, H, 2 * H, H, reset_h, da_n, d_reset_h, round);
    for (Index j = 0; j < H; ++j) {
      da_r[j] = d_reset_h[j] * h_prev[j] * slope_of(f, step.sums[j]);
      dh_prev[j] += d_reset_h[j] * r[j];
    }
  }
  recurrent_product_backward(parameters, gradients, H, 0, 2 * H, h_prev, da_r, dh_prev, round);
}

}  // namespace recur::oracle
