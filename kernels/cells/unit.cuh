// What a cell sees of the machine: one hidden unit (or a vector of them) at one step of one sequence.
//
// A cell is a struct of static functions over these records. It knows gate equations and nothing of threads,
// memory or indexing; engines fill the inputs, call the phases in order, and store the outputs. `V` is float
// or double (also on the GPU), or a SIMD vector of either; `Math` supplies its nonlinearities:
//
//     V sigmoid(V), V tanh(V), V relu(V)
//     V where_positive(V condition, V value)     value where condition > 0 (or is NaN), else 0
//     V share_kept(V)     optional: the sigmoid of a gate that says how much of a state is kept, or how much not
//
// A cell declares
//
//     Activations   the activations of its gates (activations.cuh); With<F>: the same cell with others
//     kGates      blocks of H rows in W, and in R where the cell has R   (G)
//     kSums       pre-activation sums kept apart: kGates, plus one where a gate needs its recurrent part alone
//     kValues     values per unit and step that backward needs beside h and c, those of the gates first
//     kSaved      these, and slopes where the functions keep them
//     kActivations  places of Spec::activations that the cell has a function for
//     kNonlinearities, values of sigmoid or tanh that a step of a unit takes; relu is none
//     phase_gate(p), the first gate whose sum phase p completes; its last is phase_gate(p + 1) - 1
//
// and, where it is not as CellDefaults has it,
//
//     kSplitGate  the gate whose parts are apart, or -1; its input part is sums[kSplitGate], its recurrent part
//                 sums[kGates]
//     kPeepholes  peephole weights per unit; the last sees c_t, the others c_{t-1}
//     peephole_gate(i), the gate whose sum the i-th peephole adds to
//     kCellState  whether c exists
//     kPhases     phases of a step: each is a product with R, if any, and what follows it. Phase 0 multiplies
//                 h_{t-1}; phase 1 the values that phase 0 exchanged
//     gate_reads(g), what the sum of a gate is formed of. The gates of a phase all read the same; a phase whose
//                 gates read the input alone has no product, and a cell without any product has no R
//     kLinear     whether h_t = a h_{t-1} + b, where a and b depend on the input alone. Such a cell has also
//
//                     template <class Math, class V>
//                     static void coefficients(ForwardUnit<Cell, V>& u, V& a, V& b)
//
//                 which reads sums alone, and writes saved values as `forward` does
//
// Values in `saved` live from phase 0 to the last phase of a step. Equations: docs/equations.md.
#pragma once

#include <cstdint>

#if defined(__CUDACC__)
#define RECUR_HD __host__ __device__ __forceinline__
#else
#define RECUR_HD inline __attribute__((always_inline))
#endif

namespace recur::cells {

// What the sum of a gate is formed of.
enum class Reads : std::uint8_t {
  input,  // W x and bW; the gate has no rows in R
  both,   // also R h, or R times what phase 0 exchanged, and bR
};

// The declarations that most cells share. A cell derives from them and hides those that it has otherwise.
struct CellDefaults {
  static constexpr int kSplitGate = -1;
  static constexpr int kPeepholes = 0;
  static constexpr int peephole_gate(int /*peephole*/) { return -1; }
  static constexpr bool kCellState = false;
  static constexpr int kPhases = 1;
  static constexpr Reads gate_reads(int /*gate*/) { return Reads::both; }
  static constexpr bool kLinear = false;
};

// Inputs and outputs of a forward step.
template <class Cell, class V>
struct ForwardUnit : Cell::Activations::template Choice<V> {
  using Kind = Cell;
  V sums[Cell::kSums];                                      // in: W x, R h where the gate reads it, biases
  V peephole[Cell::kPeepholes > 0 ? Cell::kPeepholes : 1];  // in
  V h_prev, c_prev;                                         // in
  V saved[Cell::kSaved];                                    // out of one phase, in to the next
  V exchange;                                               // out of phase 0 where there is a phase 1
  V h, c;                                                   // out of the last phase
};

// Inputs and outputs of a backward step. `dh` and `dc` are the whole gradients that reach h_t and c_t.
template <class Cell, class V>
struct BackwardUnit : Cell::Activations::template Choice<V> {
  using Kind = Cell;
  V saved[Cell::kSaved];                                    // in
  V peephole[Cell::kPeepholes > 0 ? Cell::kPeepholes : 1];  // in
  V h_prev, c_prev, c;                                      // in
  V dh, dc;                                                 // in
  V d_exchange;           // in to phase 1: gradient of what forward exchanged
  V dgates[Cell::kSums];  // out: gradients of sums
  V exchange;             // out of phase 0 where there is a phase 1: what forward exchanged
  V dh_prev;              // out: the part that does not pass through R
  V dc_prev;              // out
};

}  // namespace recur::cells
