// What a cell sees of the machine: one hidden unit (or a vector of them) at one step of one sequence.
//
// A cell is a struct of static functions over these records. It knows gate equations and nothing of threads,
// memory or indexing; engines fill the inputs, call the phases in order, and store the outputs. `V` is float
// or double (also on the GPU), or a SIMD vector of either; `Math` supplies its nonlinearities:
//
//     V sigmoid(V), V tanh(V), V relu(V)
//     V where_positive(V condition, V value)     value where condition > 0 (or is NaN), else 0
//     V share_kept(V)     optional: the sigmoid of a gate that says how much of a state is kept
//
// A cell declares
//
//     Functions   the functions of its gates (functions.cuh); With<F>: the same cell with others
//     kGates      blocks of H rows in W and R                        (G)
//     kSums       pre-activation sums kept apart: kGates, plus one where a gate needs its recurrent part alone
//     kSplitGate  that gate, or -1; its input part is sums[kSplitGate], its recurrent part sums[kGates]
//     kValues     values per unit and step that backward needs beside h and c, those of the gates first
//     kSaved      these, and slopes where the functions keep them
//     kPeepholes  peephole weights per unit; the last sees c_t, the others c_{t-1}
//     peephole_gate(i), the gate whose sum the i-th peephole adds to
//     kCellState  whether c exists
//     kPhases     products with R per step. Phase 0 multiplies h_{t-1}; phase 1 the values that phase 0 exchanged
//     phase_gate(p), the first gate whose recurrent sum phase p completes; its last is phase_gate(p + 1) - 1
//
// Values in `saved` live from phase 0 to the last phase of a step. Equations: docs/equations.md.
#pragma once

#if defined(__CUDACC__)
#define RECUR_HD __host__ __device__ __forceinline__
#else
#define RECUR_HD inline __attribute__((always_inline))
#endif

namespace recur::cells {

// Inputs and outputs of a forward step.
template <class Cell, class V>
struct ForwardUnit : Cell::Functions::template Choice<V> {
  using Kind = Cell;
  V sums[Cell::kSums];                                      // in: W x + R h + biases
  V peephole[Cell::kPeepholes > 0 ? Cell::kPeepholes : 1];  // in
  V h_prev, c_prev;                                         // in
  V saved[Cell::kSaved];                                    // out of one phase, in to the next
  V exchange;                                               // out of phase 0 where there is a phase 1
  V h, c;                                                   // out of the last phase
};

// Inputs and outputs of a backward step. `dh` and `dc` are the whole gradients that reach h_t and c_t.
template <class Cell, class V>
struct BackwardUnit : Cell::Functions::template Choice<V> {
  using Kind = Cell;
  V saved[Cell::kSaved];                                    // in
  V peephole[Cell::kPeepholes > 0 ? Cell::kPeepholes : 1];  // in
  V h_prev, c_prev, c;                                      // in
  V dh, dc;                                                 // in
  V d_exchange;          // in to phase 1: gradient of what forward exchanged
  V dsums[Cell::kSums];  // out: gradients of sums
  V exchange;            // out of phase 0 where there is a phase 1: what forward exchanged
  V dh_prev;             // out: the part that does not pass through R
  V dc_prev;             // out
};

}  // namespace recur::cells
