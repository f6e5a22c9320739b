// What follows the product of a fused step of backward: the gates of one unit of one row. As the gate kernel of
// kernels/stepwise/backward.cuh, but that the part of the carry that passes through R comes from the block.
#pragma once

#include "kernels/fused/gates.cuh"

namespace recur::fused {

template <class /*nothing*/, class... Cells>
constexpr int most_saved(std::tuple<Cells...>*) {
  int most = 0;
  ((most = Cells::kSaved > most ? Cells::kSaved : most), ...);
  return most;
}
inline constexpr int kMostSaved = most_saved<void>(static_cast<cells::CellTable*>(nullptr));

// What a thread reads before the sums are there, no matter which cell they are for.
template <class E>
struct BackwardItem {
  using A = device::Compute<E>;
  int b = 0, unit = 0;
  bool is_there = false;     // of the block, b < B and unit < H
  bool is_valid = false;     // the sequence has the step
  bool drops = false;        // the step visited before started an episode: its carry is dropped
  A saved[kMostSaved] = {};  // of which the cell has some
  A h_prev = 0;              // phase 0
  A c = 0, c_prev = 0;       // cells that have c
  A dy = 0;                  // the gradient of y; phase 0
  A dh = 0, dc = 0;          // the carry

  // What no kernel of the steps writes.
  RECUR_DEVICE BackwardItem(const BackwardTrack& track, int phase, int values, bool is_of_block, int row,
                            int unit_of_row)
      : b(row), unit(unit_of_row) {
    const gpu_pass::BackwardStep& a = track.step;
    const std::int64_t t = a.step.t, H = a.step.hidden;
    is_there = is_of_block && b < a.step.batch && unit < H;
    if (!is_there) return;
    const schedule::Sequence sequence(a.step.timeline, b);
    is_valid = sequence.valid(t);
    if (!is_valid) return;
    RECUR_UNROLL
    for (int s = 0; s < kMostSaved; ++s) {
      if (s < values) saved[s] = device::to_compute(*row_of<E>(a.saved, t, b, s * H + unit));
    }
    if (phase > 0) return;
    drops = sequence.ends_episode(t);
    A value[1];
    gpu_pass::load_previous<E, E>(sequence, a.y, a.h0, t, b, unit, value);
    h_prev = value[0];
    if (a.saved_c) {
      c = *row_of<A>(a.saved_c, t, b, unit);
      gpu_pass::load_previous<A, E>(sequence, a.saved_c, a.c0, t, b, unit, value);
      c_prev = value[0];
    }
    if (a.dy) dy = device::to_compute(*row_of<E>(a.dy, t, b, unit));
  }

  // What the kernel before wrote.
  RECUR_DEVICE void load_carry(const BackwardTrack& track) {
    if (!is_there) return;
    const std::int64_t state = std::int64_t{b} * track.step.step.hidden + unit;
    dh = static_cast<const A*>(track.step.dh)[state];
    if (track.step.dc != nullptr) dc = static_cast<const A*>(track.step.dc)[state];
  }
};

template <class Cell, class E>
RECUR_DEVICE E* dgates_of(const gpu_pass::BackwardStep& a, const BackwardItem<E>& item, int sum) {
  const int block = gpu_pass::block_of_sum(Cell::kSplitGate, Cell::kGates, sum);
  return row_of<E>(a.dgates, a.step.t, item.b, block * a.step.hidden + item.unit);
}

// Steps past a sequence's end contribute nothing. In reverse they are visited after the sequence's own, whose carry is
// still to come through R.
template <class Cell, int kPhase, class E>
RECUR_DEVICE void skip_backward(const BackwardTrack& track, const BackwardItem<E>& item,
                                device::Compute<E> product) {
  if constexpr (kPhase == 0) {
    const gpu_pass::BackwardStep& a = track.step;
    const E zero = device::to_storage<E>(0);
    RECUR_UNROLL
    for (int s = 0; s < Cell::kSums; ++s) *dgates_of<Cell>(a, item, s) = zero;
    *row_of<E>(a.h_prev, a.step.t, item.b, item.unit) = zero;
    if constexpr (Cell::kPhases > 1) *row_of<E>(a.exchange, a.step.t, item.b, item.unit) = zero;
    static_cast<device::Compute<E>*>(a.dh)[std::int64_t{item.b} * a.step.hidden + item.unit] =
        item.dh + product;
  }
}

// `product`: of dgates and R, which reaches this unit's h, or what phase 0 of forward exchanged.
template <class Cell, int kPhase, class E>
RECUR_DEVICE void run_gates_backward(const BackwardTrack& track, const BackwardItem<E>& item,
                                     device::Compute<E> product) {
  using A = device::Compute<E>;
  const gpu_pass::BackwardStep& a = track.step;
  const std::int64_t t = a.step.t, H = a.step.hidden, b = item.b, unit = item.unit;
  const std::int64_t state = b * H + unit;
  // Phase 0 gives the sums that phase 1 completes; the operands of the product between are left alone there.
  constexpr int kStored = kPhase == 0 ? Cell::kSums : gpu_pass::PhaseOf<Cell, 0>::kEnd;

  cells::BackwardUnit<Cell, A> u = {};
  RECUR_UNROLL
  for (int s = 0; s < Cell::kSaved; ++s) u.saved[s] = item.saved[s];
  RECUR_UNROLL
  for (int p = 0; p < Cell::kPeepholes; ++p)
    u.peephole[p] = device::to_compute(static_cast<const E*>(a.peephole)[p * H + unit]);
  if constexpr (kPhase == 0) {
    u.h_prev = item.h_prev;
    u.dh = (item.drops ? 0 : item.dh + product) + item.dy;
    if constexpr (Cell::kCellState) {
      u.dc = item.drops ? 0 : item.dc;
      // Seldom given, and not worth registers while the product is formed.
      if (a.dc_sequence) u.dc += device::to_compute(*row_of<E>(a.dc_sequence, t, b, unit));
      u.c = item.c;
      u.c_prev = item.c_prev;
    }
  } else {
    u.h_prev = device::to_compute(*row_of<E>(a.h_prev, t, b, unit));
    RECUR_UNROLL
    for (int s = 0; s < kStored; ++s) u.dgates[s] = device::to_compute(*dgates_of<Cell>(a, item, s));
    u.dh_prev = item.dh;
    u.d_exchange = product;
  }

  // One function at most, the tanh of c: exact, as that of stepwise.
  Cell::template backward<kPhase, cells::ScalarMath>(u);

  RECUR_UNROLL
  for (int s = 0; s < kStored; ++s) *dgates_of<Cell>(a, item, s) = device::to_storage<E>(u.dgates[s]);
  if constexpr (kPhase == 0) *row_of<E>(a.h_prev, t, b, unit) = device::to_storage<E>(u.h_prev);
  if constexpr (!gpu_pass::PhaseOf<Cell, kPhase>::kLast)
    *row_of<E>(a.exchange, t, b, unit) = device::to_storage<E>(u.exchange);
  static_cast<A*>(a.dh)[state] = u.dh_prev;
  if constexpr (Cell::kCellState) static_cast<A*>(a.dc)[state] = u.dc_prev;
  if constexpr (Cell::kPeepholes > 0) {
    if (a.dpeephole == nullptr) return;
    A* const dpeephole = static_cast<A*>(a.dpeephole) + b * Cell::kPeepholes * H + unit;
    RECUR_UNROLL
    for (int p = 0; p < Cell::kPeepholes; ++p) {
      const int gate = gpu_pass::PeepholesOf<Cell>::gate(p);
      dpeephole[p * H] += u.dgates[gate] * (p + 1 == Cell::kPeepholes ? u.c : u.c_prev);
    }
  }
}

// Calls f.template operator()<Cell>() for the variant, if it has R and this phase.
template <int kPhase, int kIndex = 0, class F>
RECUR_DEVICE void visit_cell(cells::Variant variant, F&& f) {
  if constexpr (kIndex < cells::kVariantCount) {
    using Cell = cells::CellOf<static_cast<cells::Variant>(kIndex)>;
    if constexpr (kGatesOf < Cell, kPhase >> 0) {
      if (variant == static_cast<cells::Variant>(kIndex)) {
        f.template operator()<Cell>();
        return;
      }
    }
    visit_cell<kPhase, kIndex + 1>(variant, f);
  }
}

}  // namespace recur::fused
