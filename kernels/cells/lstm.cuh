// Long short-term memory, gates i f g o (i g o where the forget gate is coupled, f = 1 - i).
#pragma once

#include "kernels/cells/activations.cuh"
#include "kernels/cells/unit.cuh"

namespace recur::cells {

// With peepholes i and f also see c_{t-1}, and o sees c_t; weights in order i f o (i o where coupled).
template <bool Peephole, bool Coupled, class F = OwnActivations>
struct Lstm : CellDefaults {
  using Activations = F;
  template <class Others>
  using With = Lstm<Peephole, Coupled, Others>;
  static constexpr int kGates = Coupled ? 3 : 4;
  static constexpr int kSums = kGates;
  static constexpr int kValues = kGates;  // the gates after their functions
  static constexpr int kSaved = saved_of<F>(kValues, kGates);
  static constexpr int kPeepholes = Peephole ? kGates - 1 : 0;
  static constexpr bool kCellState = true;
  static constexpr int kActivations = 3;
  static constexpr int kNonlinearities = kGates + 1;  // those of the gates and of c
  static constexpr int phase_gate(int phase) { return phase == 0 ? 0 : kGates; }

  static constexpr int kInput = 0;
  static constexpr int kForget = 1;  // only where not coupled
  static constexpr int kCandidate = Coupled ? 1 : 2;
  static constexpr int kOutput = Coupled ? 2 : 3;
  static constexpr int kPeepholeOutput = kPeepholes - 1;

  static constexpr int peephole_gate(int peephole) {
    return peephole == kPeepholeOutput ? kOutput : peephole;
  }

  template <int kPhase, class Math, class V>
  RECUR_HD static void forward(ForwardUnit<Lstm, V>& u) {
    V input_sum = u.sums[kInput];
    if constexpr (Peephole) input_sum = input_sum + u.peephole[kInput] * u.c_prev;
    const V i = F::template value<Role<0, Own::sigmoid, Coupled>, Math>(u, kInput, input_sum);
    const V g = F::template value<CandidateRole, Math>(u, kCandidate, u.sums[kCandidate]);

    if constexpr (Coupled) {
      u.c = (V(1) - i) * u.c_prev + i * g;
    } else {
      V forget_sum = u.sums[kForget];
      if constexpr (Peephole) forget_sum = forget_sum + u.peephole[kForget] * u.c_prev;
      const V f = F::template value<KeepRole, Math>(u, kForget, forget_sum);
      u.c = f * u.c_prev + i * g;
    }

    V output_sum = u.sums[kOutput];
    if constexpr (Peephole) output_sum = output_sum + u.peephole[kPeepholeOutput] * u.c;
    const V o = F::template value<GateRole, Math>(u, kOutput, output_sum);
    u.h = o * F::template output<Math>(u, u.c);
  }

  template <int kPhase, class Math, class V>
  RECUR_HD static void backward(BackwardUnit<Lstm, V>& u) {
    const V i = u.saved[kInput], g = u.saved[kCandidate], o = u.saved[kOutput];
    V d_through_output = u.dh * o;
    const V output_of_c = F::template output<Math>(u, u.c, d_through_output);

    const V d_output = F::template times_slope<GateRole, Math>(u, kOutput, u.dh * output_of_c);
    V dc = u.dc + d_through_output;
    if constexpr (Peephole) dc = dc + d_output * u.peephole[kPeepholeOutput];

    V d_input = F::template times_slope<GateRole, Math>(u, kInput, dc);
    if constexpr (Coupled) {
      d_input = d_input * (g - u.c_prev);
      u.dc_prev = dc * (V(1) - i);
    } else {
      const V f = u.saved[kForget];
      d_input = d_input * g;
      const V d_forget = F::template times_slope<GateRole, Math>(u, kForget, dc * u.c_prev);
      u.dgates[kForget] = d_forget;
      u.dc_prev = dc * f;
      if constexpr (Peephole) u.dc_prev = u.dc_prev + d_forget * u.peephole[kForget];
    }
    if constexpr (Peephole) u.dc_prev = u.dc_prev + d_input * u.peephole[kInput];

    u.dgates[kInput] = d_input;
    u.dgates[kCandidate] = F::template times_slope<CandidateRole, Math>(u, kCandidate, dc * i);
    u.dgates[kOutput] = d_output;
    u.dh_prev = V(0);
  }
};

}  // namespace recur::cells
