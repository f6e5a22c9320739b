// The table of cells: every variant a Spec can name, its traits as data, and the one switch from a run-time
// variant to a compile-time cell. A new cell is a new file, a new enumerator and a new entry in the table.
#pragma once

#include <cstddef>
#include <cstdint>
#include <tuple>

#include "kernels/cells/gru.cuh"
#include "kernels/cells/lstm.cuh"
#include "kernels/cells/min_gru.cuh"
#include "kernels/cells/rnn.cuh"

namespace recur::cells {

// CELL(recurrence, variant, struct): `recurrence` says whether the cell has R, `with_R` or `without_R`. Whatever
// names all cells reads this list; host/CMakeLists.txt compiles a resident kernel for each of those with R.
#define RECUR_CELLS(CELL)                               \
  CELL(with_R, rnn_tanh, Rnn<false, false>)             \
  CELL(with_R, rnn_relu, Rnn<true, false>)              \
  CELL(with_R, rnn_tanh_residual, Rnn<false, true>)     \
  CELL(with_R, rnn_relu_residual, Rnn<true, true>)      \
  CELL(with_R, gru_reset_after, GruResetAfter<>)        \
  CELL(with_R, gru_reset_before, GruResetBefore<>)      \
  CELL(with_R, lstm, Lstm<false, false>)                \
  CELL(with_R, lstm_peephole, Lstm<true, false>)        \
  CELL(with_R, lstm_coupled, Lstm<false, true>)         \
  CELL(with_R, lstm_coupled_peephole, Lstm<true, true>) \
  CELL(without_R, min_gru, MinGru<>)

enum class Variant : std::uint8_t {
#define RECUR_VARIANT(recurrence, variant, ...) variant,
  RECUR_CELLS(RECUR_VARIANT)
#undef RECUR_VARIANT
};

// The cells in the order of the enumerators, each behind a comma.
template <class /*nothing*/, class... Cells>
using CellsAfterFirst = std::tuple<Cells...>;
#define RECUR_COMMA_CELL(recurrence, variant, ...) , __VA_ARGS__
using CellTable = CellsAfterFirst<void RECUR_CELLS(RECUR_COMMA_CELL)>;
#undef RECUR_COMMA_CELL
inline constexpr int kVariantCount = std::tuple_size_v<CellTable>;
template <Variant kVariant>
using CellOf = std::tuple_element_t<static_cast<std::size_t>(kVariant), CellTable>;

// Calls `visitor.template operator()<Cell>()` for the cell of this variant.
template <int kIndex = 0, class Visitor>
constexpr auto visit(Variant variant, Visitor&& visitor) {
  constexpr Variant kVariant = static_cast<Variant>(kIndex);
  if constexpr (kIndex + 1 < kVariantCount) {
    if (variant != kVariant) return visit<kIndex + 1>(variant, visitor);
  }
  return visitor.template operator()<CellOf<kVariant>>();
}

inline constexpr int kMaxPhases = 2;
inline constexpr int kMaxPeepholes = 3;

// The declarations of a cell (see unit.cuh) as run-time data, for code that schedules without knowing cells.
struct Traits {
  int gates;
  int sums;
  int split_gate;
  int saved;
  int peepholes;
  int peephole_gate[kMaxPeepholes];
  bool cell_state;
  int phases;
  int phase_gate[kMaxPhases + 1];
  bool recurrent;  // whether the cell has R: a product of each phase with the rows of its gates
  bool linear;
  int activations;
  int slopes;  // values more that are kept where functions keep their slopes
  int nonlinearities;

  constexpr int gates_of_phase(int phase) const { return phase_gate[phase + 1] - phase_gate[phase]; }
  // Gates that have rows in R.
  constexpr int recurrent_gates() const { return recurrent ? gates : 0; }
  // Index in sums of the recurrent part of a gate.
  constexpr int recurrent_sum(int gate) const { return gate == split_gate ? gates : gate; }
};

template <class Cell>
constexpr bool gates_read_alike() {
  for (int gate = 1; gate < Cell::kGates; ++gate) {
    if (Cell::gate_reads(gate) != Cell::gate_reads(0)) return false;
  }
  return true;
}

// The cell's own activations, if their slopes were kept.
struct KeptSlopes : OwnActivations {
  static constexpr bool kSlopes = true;
};

struct TraitsOf {
  template <class Cell>
  constexpr Traits operator()() const {
    static_assert(gates_read_alike<Cell>(), "engines know cells whose gates all have rows in R, or none");
    return Traits{.gates = Cell::kGates,
                  .sums = Cell::kSums,
                  .split_gate = Cell::kSplitGate,
                  .saved = Cell::kSaved,
                  .peepholes = Cell::kPeepholes,
                  .peephole_gate = {Cell::peephole_gate(0), Cell::peephole_gate(1), Cell::peephole_gate(2)},
                  .cell_state = Cell::kCellState,
                  .phases = Cell::kPhases,
                  .phase_gate = {Cell::phase_gate(0), Cell::phase_gate(1), Cell::phase_gate(2)},
                  .recurrent = Cell::gate_reads(0) != Reads::input,
                  .linear = Cell::kLinear,
                  .activations = Cell::kActivations,
                  .slopes = Cell::template With<KeptSlopes>::kSaved - Cell::kSaved,
                  .nonlinearities = Cell::kNonlinearities};
  }
};

constexpr Traits traits_of(Variant variant) { return visit(variant, TraitsOf{}); }

namespace recurrence {
inline constexpr bool with_R = true, without_R = false;
}
#define RECUR_CHECK_CELL(stated, variant, ...)                               \
  static_assert(traits_of(Variant::variant).recurrent == recurrence::stated, \
                "RECUR_CELLS says of a cell what its gates say");
RECUR_CELLS(RECUR_CHECK_CELL)
#undef RECUR_CHECK_CELL

}  // namespace recur::cells
