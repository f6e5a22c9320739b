/// @file
/// Long short-term memory: gates i f g o, or i g o with f = 1 - i; with or without peepholes and projection.
/// One step of one sequence. Equations: docs/equations.md.
#pragma once

#include "oracle/activations.hpp"
#include "oracle/cell.hpp"

namespace recur::oracle {

/// Row blocks of the gates (in units of H) and of the peepholes for the two gate orders. -1: no such block.
struct LstmOrder {
  explicit LstmOrder(const Spec& spec)
      : f(spec.coupled_input_forget ? -1 : 1),
        g(spec.coupled_input_forget ? 1 : 2),
        o(spec.coupled_input_forget ? 2 : 3),
        peephole_f(spec.coupled_input_forget ? -1 : 1),
        peephole_o(spec.coupled_input_forget ? 1 : 2) {}
  static constexpr Index i = 0;
  static constexpr Index peephole_i = 0;
  Index f, g, o, peephole_f, peephole_o;
};

/// c = f c_prev + i g, h [P] = o tanh(c), or its projection; `input` = W x + bW [G*H].
template <class Real, class Round>
void lstm_step(const Spec& spec, const DirectionParameters<const Real>& parameters, const Real* input,
               const Step<Real>& step, Real* h, Round round) {
  const Index H = spec.hidden_size;
  const Index rows = gates_of(spec) * H;
  const LstmOrder order(spec);
  const Real* p = parameters.peephole;

  std::vector<Real> recurrent(static_cast<std::size_t>(rows));
  recurrent_product(parameters, output_size_of(spec), 0, rows, step.h_prev, recurrent.data(), round);
  const Real* u = recurrent.data();
  const ClippedActivation f_of_gates = function_in(spec, 0);
  const ClippedActivation g_of_candidate = function_in(spec, 1);
  const ClippedActivation h_of_c = function_in(spec, 2);
  const auto sum = [&](Index gate, Index j) { return input[gate * H + j] + u[gate * H + j]; };
  const auto activate = [&](Index gate, const ClippedActivation& function, Index j, Real argument) {
    step.sums[gate * H + j] = argument;
    return step.gates[gate * H + j] = function_of(function, argument);
  };

  for (Index j = 0; j < H; ++j) {
    Real a_i = sum(order.i, j);
    if (p != nullptr) a_i += p[order.peephole_i * H + j] * step.c_prev[j];
    const Real i = activate(order.i, f_of_gates, j, a_i);

    Real f = Real(1) - i;
    if (!spec.coupled_input_forget) {
      Real a_f = sum(order.f, j);
      if (p != nullptr) a_f += p[order.peephole_f * H + j] * step.c_prev[j];
      f = activate(order.f, f_of_gates, j, a_f);
    }

    const Real g = activate(order.g, g_of_candidate, j, sum(order.g, j));
    const Real c = f * step.c_prev[j] + i * g;

    // The output gate sees the new cell state, the other two the old one.
    Real a_o = sum(order.o, j);
    if (p != nullptr) a_o += p[order.peephole_o * H + j] * c;
    const Real o = activate(order.o, f_of_gates, j, a_o);

    step.c[j] = c;
    step.m[j] = o * function_of(h_of_c, c);
  }
  const Index P = output_size_of(spec);
  if (parameters.projection != nullptr) {
    multiply(parameters.projection, P, H, operands(step.m, H, round).data(), h);
  } else {
    std::copy_n(step.m, H, h);
  }
  for (Index j = 0; j < P; ++j) h[j] = round(h[j]);
}

/// From dh [P] and dc [H]: writes d_input [G*H] and dc_prev [H], adds to dh_prev [P].
template <class Real, class Round>
void lstm_step_backward(const Spec& spec, const DirectionParameters<const Real>& parameters,
                        const DirectionParameters<Real>& gradients, const Step<const Real>& step,
                        const Real* dh, const Real* dc, Real* d_input, Real* dh_prev, Real* dc_prev,
                        Round round) {
  const Index H = spec.hidden_size;
  const Index rows = gates_of(spec) * H;
  const LstmOrder order(spec);
  const Index P = output_size_of(spec);
  const Real* p = parameters.peephole;
  Real* dp = gradients.peephole;
  const ClippedActivation h_of_c = function_in(spec, 2);
  const auto slope = [&](Index gate, Index j) {
    return slope_of(function_in(spec, gate == order.g ? 1 : 0), step.sums[gate * H + j]);
  };

  std::vector<Real> dm(dh, dh + P);  // with respect to o * tanh(c), which is h where nothing is projected
  if (parameters.projection != nullptr) {
    const std::vector<Real> operand = operands(dh, P, round);
    dm.assign(static_cast<std::size_t>(H), Real(0));
    add_transposed_product(parameters.projection, P, H, operand.data(), dm.data());
    add_outer_product(operand.data(), P, operands(step.m, H, round).data(), H, gradients.projection);
  }

  for (Index j = 0; j < H; ++j) {
    const Real c_prev = step.c_prev[j];
    const Real i = step.gates[order.i * H + j];
    const Real f = spec.coupled_input_forget ? Real(1) - i : step.gates[order.f * H + j];
    const Real g = step.gates[order.g * H + j];
    const Real o = step.gates[order.o * H + j];
    const Real c = step.c[j];

    const Real dm_j = dm[static_cast<std::size_t>(j)];
    const Real da_o = dm_j * function_of(h_of_c, c) * slope(order.o, j);
    Real dc_total = dc[j] + dm_j * o * slope_of(h_of_c, c);
    if (p != nullptr) {
      dc_total += da_o * p[order.peephole_o * H + j];
      dp[order.peephole_o * H + j] += da_o * c;
    }

    const Real da_g = dc_total * i * slope(order.g, j);
    // Coupled: i also takes c_prev away, because f = 1 - i.
    const Real di = spec.coupled_input_forget ? dc_total * (g - c_prev) : dc_total * g;
    const Real da_i = di * slope(order.i, j);
    dc_prev[j] = dc_total * f;
    if (p != nullptr) {
      dc_prev[j] += da_i * p[order.peephole_i * H + j];
      dp[order.peephole_i * H + j] += da_i * c_prev;
    }

    if (!spec.coupled_input_forget) {
      const Real da_f = dc_total * c_prev * slope(order.f, j);
      if (p != nullptr) {
        dc_prev[j] += da_f * p[order.peephole_f * H + j];
        dp[order.peephole_f * H + j] += da_f * c_prev;
      }
      d_input[order.f * H + j] = da_f;
    }
    d_input[order.i * H + j] = da_i;
    d_input[order.g * H + j] = da_g;
    d_input[order.o * H + j] = da_o;
  }
  recurrent_product_backward(parameters, gradients, P, 0, rows, step.h_prev, d_input, dh_prev, round);
}

}  // namespace recur::oracle
