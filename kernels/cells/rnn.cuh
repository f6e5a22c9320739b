// Elman's cell: h = tanh(a) or relu(a), a = W x + R h' + biases.
#pragma once

#include "kernels/cells/unit.cuh"

namespace recur::cells {

template <bool Relu>
struct Rnn {
  static constexpr int kGates = 1;
  static constexpr int kSums = 1;
  static constexpr int kSplitGate = -1;
  static constexpr int kSaved = 1;  // h
  static constexpr int kPeepholes = 0;
  static constexpr int peephole_gate(int) { return -1; }
  static constexpr bool kCellState = false;
  static constexpr int kPhases = 1;
  static constexpr int phase_gate(int phase) { return phase == 0 ? 0 : kGates; }

  template <int kPhase, class Math, class V>
  RECUR_HD static void forward(ForwardUnit<Rnn, V>& u) {
    if constexpr (Relu) {
      u.h = Math::relu(u.sums[0]);
    } else {
      u.h = Math::tanh(u.sums[0]);
    }
    u.saved[0] = u.h;
  }

  template <int kPhase, class Math, class V>
  RECUR_HD static void backward(BackwardUnit<Rnn, V>& u) {
    const V h = u.saved[0];
    if constexpr (Relu) {
      u.dsums[0] = Math::where_positive(h, u.dh);
    } else {
      u.dsums[0] = u.dh * (V(1) - h * h);
    }
    u.dh_prev = V(0);
  }
};

}  // namespace recur::cells
