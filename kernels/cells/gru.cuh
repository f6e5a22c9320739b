// Gated recurrent units, gates r z n; h = (1 - z) n + z h'.
#pragma once

#include "kernels/cells/activations.cuh"
#include "kernels/cells/unit.cuh"

namespace recur::cells {

// Reset after the product (cuDNN, PyTorch): n = tanh(a_n + r * s), with a_n the input part of the candidate's
// sum and s its recurrent part, kept apart.
template <class F = OwnActivations>
struct GruResetAfter : CellDefaults {
  using Activations = F;
  template <class Others>
  using With = GruResetAfter<Others>;
  static constexpr int kGates = 3;
  static constexpr int kSums = 4;
  static constexpr int kSplitGate = 2;
  static constexpr int kValues = 4;  // r z n s
  static constexpr int kSaved = saved_of<F>(kValues, kGates);
  static constexpr int kActivations = 2;
  static constexpr int kNonlinearities = kGates;
  static constexpr int phase_gate(int phase) { return phase == 0 ? 0 : kGates; }

  template <int kPhase, class Math, class V>
  RECUR_HD static void forward(ForwardUnit<GruResetAfter, V>& u) {
    const V r = F::template value<GateRole, Math>(u, 0, u.sums[0]);
    const V z = F::template value<KeepRole, Math>(u, 1, u.sums[1]);
    const V s = u.sums[3];
    const V n = F::template value<CandidateRole, Math>(u, 2, u.sums[2] + r * s);
    u.h = (V(1) - z) * n + z * u.h_prev;
    u.saved[3] = s;
  }

  template <int kPhase, class Math, class V>
  RECUR_HD static void backward(BackwardUnit<GruResetAfter, V>& u) {
    const V r = u.saved[0], z = u.saved[1], n = u.saved[2], s = u.saved[3];
    const V da = F::template times_slope<CandidateRole, Math>(u, 2, u.dh * (V(1) - z));
    u.dgates[0] = F::template times_slope<GateRole, Math>(u, 0, da * s);
    u.dgates[1] = F::template times_slope<GateRole, Math>(u, 1, u.dh * (u.h_prev - n));
    u.dgates[2] = da;
    u.dgates[3] = da * r;
    u.dh_prev = u.dh * z;
  }
};

// Reset before the product (Cho et al. 2014): n = tanh(a_n), a_n = W x + R (r * h') + biases. The candidate's
// recurrent product needs r * h' of every unit, so a step has two phases with an exchange between.
template <class F = OwnActivations>
struct GruResetBefore : CellDefaults {
  using Activations = F;
  template <class Others>
  using With = GruResetBefore<Others>;
  static constexpr int kGates = 3;
  static constexpr int kSums = 3;
  static constexpr int kValues = 3;  // r z n
  static constexpr int kSaved = saved_of<F>(kValues, kGates);
  static constexpr int kActivations = 2;
  static constexpr int kNonlinearities = kGates;
  static constexpr int kPhases = 2;
  static constexpr int phase_gate(int phase) { return phase == 0 ? 0 : (phase == 1 ? 2 : kGates); }

  template <int kPhase, class Math, class V>
  RECUR_HD static void forward(ForwardUnit<GruResetBefore, V>& u) {
    if constexpr (kPhase == 0) {
      const V r = F::template value<GateRole, Math>(u, 0, u.sums[0]);
      F::template value<KeepRole, Math>(u, 1, u.sums[1]);
      u.exchange = r * u.h_prev;
    } else {
      const V z = u.saved[1];
      const V n = F::template value<CandidateRole, Math>(u, 2, u.sums[2]);
      u.h = (V(1) - z) * n + z * u.h_prev;
    }
  }

  // Phase 0 ends with the candidate's gradient, whose product with R is the gradient of r * h'; phase 1 goes
  // on from there to the reset gate.
  template <int kPhase, class Math, class V>
  RECUR_HD static void backward(BackwardUnit<GruResetBefore, V>& u) {
    const V r = u.saved[0], z = u.saved[1], n = u.saved[2];
    if constexpr (kPhase == 0) {
      u.dgates[1] = F::template times_slope<GateRole, Math>(u, 1, u.dh * (u.h_prev - n));
      u.dgates[2] = F::template times_slope<CandidateRole, Math>(u, 2, u.dh * (V(1) - z));
      u.dh_prev = u.dh * z;
      u.exchange = r * u.h_prev;
    } else {
      u.dgates[0] = F::template times_slope<GateRole, Math>(u, 0, u.d_exchange * u.h_prev);
      u.dh_prev = u.dh_prev + u.d_exchange * r;
    }
  }
};

}  // namespace recur::cells
