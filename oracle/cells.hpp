/// @file
/// The cells by the name that a Spec has for them, and what sets one apart from the others.
#pragma once

#include "oracle/gru.hpp"
#include "oracle/lstm.hpp"
#include "oracle/min_gru.hpp"
#include "oracle/rnn.hpp"

namespace recur::oracle {

/// One step: h [P] from `input` = W x + bW [G*H], and what backward needs of it to `step`.
template <class Real, class Round>
void cell_step(const Spec& spec, const DirectionParameters<const Real>& parameters, const Real* input,
               const Step<Real>& step, Real* h, Round round) {
  switch (spec.cell) {
    case Cell::rnn: return rnn_step(spec, parameters, input, step, h, round);
    case Cell::gru: return gru_step(spec, parameters, input, step, h, round);
    case Cell::lstm: return lstm_step(spec, parameters, input, step, h, round);
    case Cell::min_gru: return min_gru_step(spec, input, step, h, round);
  }
}

/// From dh and dc: writes d_input [G*H] and adds to dh_prev, dc_prev and the gradients of the parameters, but for
/// those of W and bW.
template <class Real, class Round>
void cell_step_backward(const Spec& spec, const DirectionParameters<const Real>& parameters,
                        const DirectionParameters<Real>& gradients, const Step<const Real>& step, Real* dh,
                        Real* dc, Real* d_input, Real* dh_prev, Real* dc_prev, Round round) {
  switch (spec.cell) {
    case Cell::rnn: return rnn_step_backward(spec, parameters, gradients, step, dh, d_input, dh_prev, round);
    case Cell::gru: return gru_step_backward(spec, parameters, gradients, step, dh, d_input, dh_prev, round);
    case Cell::lstm:
      return lstm_step_backward(spec, parameters, gradients, step, dh, dc, d_input, dh_prev, dc_prev, round);
    case Cell::min_gru: return min_gru_step_backward(spec, step, dh, d_input, dh_prev);
  }
}

/// The gate whose function is a candidate's, the second place of `Spec::activations`; -1 where none is.
inline Index candidate_of(const Spec& spec) {
  switch (spec.cell) {
    case Cell::gru: return 2;
    case Cell::lstm: return gates_of(spec) - 2;
    default: return -1;
  }
}

}  // namespace recur::oracle
