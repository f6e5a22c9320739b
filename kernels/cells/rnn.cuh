// Elman's cell: h = g, and residual h = h' + g, with g = tanh(a) or relu(a), a = W x + R h' + biases.
#pragma once

#include "kernels/cells/activations.cuh"
#include "kernels/cells/unit.cuh"

namespace recur::cells {

template <bool Relu, bool Residual, class F = OwnActivations>
struct Rnn : CellDefaults {
  using Activations = F;
  template <class Others>
  using With = Rnn<Relu, Residual, Others>;
  using OnlyRole = Role<0, Relu ? Own::relu : Own::tanh>;
  static constexpr int kGates = 1;
  static constexpr int kSums = 1;
  static constexpr int kValues = 1;  // g
  static constexpr int kSaved = saved_of<F>(kValues, kGates);
  static constexpr int kActivations = 1;
  static constexpr int kNonlinearities = Relu ? 0 : 1;
  static constexpr int phase_gate(int phase) { return phase == 0 ? 0 : kGates; }

  template <int kPhase, class Math, class V>
  RECUR_HD static void forward(ForwardUnit<Rnn, V>& u) {
    const V g = F::template value<OnlyRole, Math>(u, 0, u.sums[0]);
    u.h = Residual ? u.h_prev + g : g;
  }

  template <int kPhase, class Math, class V>
  RECUR_HD static void backward(BackwardUnit<Rnn, V>& u) {
    u.dgates[0] = F::template times_slope<OnlyRole, Math>(u, 0, u.dh);
    u.dh_prev = Residual ? u.dh : V(0);
  }
};

}  // namespace recur::cells
