// The table of cells: every variant a Spec can name, its traits as data, and the one switch from a run-time
// variant to a compile-time cell. A new cell is a new file, a new enumerator and a new entry in the table.
#pragma once

#include <cstddef>
#include <cstdint>
#include <tuple>

#include "kernels/cells/gru.cuh"
#include "kernels/cells/lstm.cuh"
#include "kernels/cells/rnn.cuh"

namespace recur::cells {

enum class Variant : std::uint8_t {
  rnn_tanh,
  rnn_relu,
  rnn_tanh_residual,
  rnn_relu_residual,
  gru_reset_after,
  gru_reset_before,
  lstm,
  lstm_peephole,
  lstm_coupled,
  lstm_coupled_peephole,
};
// In the order of the enumerators.
using CellTable =
    std::tuple<Rnn<false, false>, Rnn<true, false>, Rnn<false, true>, Rnn<true, true>, GruResetAfter<>,
               GruResetBefore<>, Lstm<false, false>, Lstm<true, false>, Lstm<false, true>, Lstm<true, true>>;
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

  constexpr int gates_of_phase(int phase) const { return phase_gate[phase + 1] - phase_gate[phase]; }
  // Index in sums of the recurrent part of a gate.
  constexpr int recurrent_sum(int gate) const { return gate == split_gate ? gates : gate; }
};

struct TraitsOf {
  template <class Cell>
  constexpr Traits operator()() const {
    return Traits{.gates = Cell::kGates,
                  .sums = Cell::kSums,
                  .split_gate = Cell::kSplitGate,
                  .saved = Cell::kSaved,
                  .peepholes = Cell::kPeepholes,
                  .peephole_gate = {Cell::peephole_gate(0), Cell::peephole_gate(1), Cell::peephole_gate(2)},
                  .cell_state = Cell::kCellState,
                  .phases = Cell::kPhases,
                  .phase_gate = {Cell::phase_gate(0), Cell::phase_gate(1), Cell::phase_gate(2)}};
  }
};

constexpr Traits traits_of(Variant variant) { return visit(variant, TraitsOf{}); }

}  // namespace recur::cells
