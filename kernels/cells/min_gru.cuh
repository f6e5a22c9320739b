// The minimal gated recurrent unit (Feng et al. 2024), gates z n; h = (1 - z) h' + z n. Neither gate reads the
// state, so the cell has no R, and it is linear in its state.
#pragma once

#include "kernels/cells/activations.cuh"
#include "kernels/cells/unit.cuh"

namespace recur::cells {

template <class F = OwnActivations>
struct MinGru : CellDefaults {
  using Activations = F;
  template <class Others>
  using With = MinGru<Others>;
  static constexpr int kGates = 2;
  static constexpr int kSums = 2;
  static constexpr int kValues = 2;                       // z n
  static constexpr int kSaved = saved_of<F>(kValues, 1);  // n is its sum
  static constexpr int kActivations = 1;
  static constexpr int kNonlinearities = 1;
  static constexpr int phase_gate(int phase) { return phase == 0 ? 0 : kGates; }
  static constexpr Reads gate_reads(int /*gate*/) { return Reads::input; }
  static constexpr bool kLinear = true;

  template <class Math, class V>
  RECUR_HD static void coefficients(ForwardUnit<MinGru, V>& u, V& a, V& b) {
    const V z = F::template value<KeepRole, Math>(u, 0, u.sums[0]);
    const V n = u.sums[1];
    u.saved[1] = n;
    a = V(1) - z;
    b = z * n;
  }

  template <int kPhase, class Math, class V>
  RECUR_HD static void forward(ForwardUnit<MinGru, V>& u) {
    V a, b;
    coefficients<Math>(u, a, b);
    u.h = a * u.h_prev + b;
  }

  template <int kPhase, class Math, class V>
  RECUR_HD static void backward(BackwardUnit<MinGru, V>& u) {
    const V z = u.saved[0], n = u.saved[1];
    u.dgates[0] = F::template times_slope<GateRole, Math>(u, 0, u.dh * (n - u.h_prev));
    u.dgates[1] = u.dh * z;
    u.dh_prev = u.dh * (V(1) - z);
  }
};

}  // namespace recur::cells
