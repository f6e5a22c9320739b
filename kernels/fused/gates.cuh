// What follows the product of a fused step: the gates of one unit of one row. As the gate kernel of
// kernels/stepwise/forward.cuh, but that the sums come from the block, and h goes to other memory.
#pragma once

#include "kernels/cells/scalar_math.cuh"
#include "kernels/device/fast_math.cuh"
#include "kernels/fused/launch.hpp"
#include "kernels/gpu_pass/units.cuh"

namespace recur::fused {

using gpu_pass::row_of;

// Nonlinearities. f16's suit every type of 16 bits: they are a few units of f32 off.
template <class E>
struct MathOf {
  using Type = device::FastMath<__half>;
};
template <>
struct MathOf<float> {
  using Type = cells::ScalarMath;
};

// What a thread reads before the sums are there, no matter which cell they are for.
template <class E, int kGates>
struct Item {
  using A = device::Compute<E>;
  int b = 0, unit = 0;
  bool is_there = false;  // of the block, b < B and unit < H
  bool is_valid = false;  // the sequence has the step
  bool clears = false;    // the next step starts an episode
  A input[kGates] = {};   // W x and biases
  A h = 0, c = 0;         // before the step

  RECUR_DEVICE Item(const Track& track, int first_gate, bool is_of_block, int row, int unit_of_row)
      : b(row), unit(unit_of_row) {
    const gpu_pass::ForwardStep& a = track.step;
    const std::int64_t t = a.step.t, H = a.step.hidden;
    is_there = is_of_block && b < a.step.batch && unit < H;
    if (!is_there) return;
    const schedule::Sequence sequence(a.step.timeline, b);
    is_valid = sequence.valid(t);
    clears = is_valid && sequence.ends_episode(t);
    const std::int64_t state = std::int64_t{b} * H + unit;
    h = device::to_compute(static_cast<const E*>(track.h)[state]);
    if (a.c != nullptr) c = static_cast<const A*>(a.c)[state];
    RECUR_UNROLL
    for (int gate = 0; gate < kGates; ++gate)
      input[gate] = *row_of<A>(a.input, a.input_t, b, (first_gate + gate) * H + unit);
  }
};

// Stores the state after the step, cleared where the next one starts an episode; after the last step of a call
// nothing does, and the state is the final one.
template <class Cell, class E>
RECUR_DEVICE void store_state(const Track& track, std::int64_t b, std::int64_t unit, device::Compute<E> h,
                              device::Compute<E> c) {
  const gpu_pass::ForwardStep& a = track.step;
  const std::int64_t state = b * a.step.hidden + unit;
  const E stored = device::to_storage<E>(h);
  static_cast<E*>(track.next)[state] = stored;
  if (a.hN) *row_of<E>(a.hN, 0, b, unit) = stored;
  if constexpr (Cell::kCellState) {
    static_cast<device::Compute<E>*>(a.c)[state] = c;
    if (a.cN) *row_of<E>(a.cN, 0, b, unit) = device::to_storage<E>(c);
  }
}

// Steps past a sequence's end: zero outputs, an untouched state.
template <class Cell, int kPhase, class E, int kGates>
RECUR_DEVICE void skip(const Track& track, const Item<E, kGates>& item) {
  const gpu_pass::ForwardStep& a = track.step;
  const E zero = device::to_storage<E>(0);
  if constexpr (!gpu_pass::PhaseOf<Cell, kPhase>::kLast) {
    static_cast<E*>(a.exchange)[item.b * a.step.hidden + item.unit] = zero;
  } else {
    *row_of<E>(a.y, a.step.t, item.b, item.unit) = zero;
    if (a.c_sequence) *row_of<E>(a.c_sequence, a.step.t, item.b, item.unit) = zero;
    store_state<Cell, E>(track, item.b, item.unit, item.h, item.c);
  }
}

// `recurrent`: the products with R of the gates of this phase.
template <class Cell, int kPhase, class E, int kGates>
RECUR_DEVICE void run_gates(const Track& track, const Item<E, kGates>& item,
                            const device::Compute<E> (&recurrent)[kGates]) {
  using A = device::Compute<E>;
  using Phase = gpu_pass::PhaseOf<Cell, kPhase>;
  const gpu_pass::ForwardStep& a = track.step;
  const std::int64_t t = a.step.t, H = a.step.hidden, b = item.b, unit = item.unit;
  A* const gates = static_cast<A*>(a.gates) + b * Cell::kSaved * H + unit;

  cells::ForwardUnit<Cell, A> u;
  RECUR_UNROLL
  for (int i = 0; i < kGates; ++i) {
    const int gate = Phase::kFirst + i;
    if (gate == Cell::kSplitGate) {
      u.sums[gate] = item.input[i];
      A from_state = recurrent[i];
      if (a.split_bias != nullptr)
        from_state += device::to_compute(static_cast<const E*>(a.split_bias)[unit]);
      u.sums[Cell::kSums - 1] = from_state;
    } else {
      u.sums[gate] = item.input[i] + recurrent[i];
    }
  }
  RECUR_UNROLL
  for (int p = 0; p < Cell::kPeepholes; ++p)
    u.peephole[p] = device::to_compute(static_cast<const E*>(a.peephole)[p * H + unit]);
  u.h_prev = item.h;
  u.c_prev = item.c;
  if constexpr (kPhase > 0) {
    RECUR_UNROLL
    for (int s = 0; s < Cell::kSaved; ++s) u.saved[s] = gates[s * H];
  }

  Cell::template forward<kPhase, typename MathOf<E>::Type>(u);

  if constexpr (!Phase::kLast) {
    static_cast<E*>(a.exchange)[b * H + unit] = device::to_storage<E>(u.exchange);
    // What a later phase completes is not there yet.
    RECUR_UNROLL
    for (int s = 0; s < Phase::kEnd; ++s) gates[s * H] = u.saved[s];
  } else {
    *row_of<E>(a.y, t, b, unit) = device::to_storage<E>(u.h);
    if (a.saved) {
      RECUR_UNROLL
      for (int s = 0; s < Cell::kSaved; ++s)
        *row_of<E>(a.saved, t, b, s * H + unit) = device::to_storage<E>(u.saved[s]);
    }
    A c = 0;
    if constexpr (Cell::kCellState) {
      if (a.saved_c) *row_of<A>(a.saved_c, t, b, unit) = u.c;
      if (a.c_sequence) *row_of<E>(a.c_sequence, t, b, unit) = device::to_storage<E>(u.c);
      c = item.clears ? 0 : u.c;
    }
    store_state<Cell, E>(track, b, unit, item.clears ? 0 : u.h, c);
  }
}

// Gates of a phase; 0 where the cell has no such phase, or no R.
template <class Cell, int kPhase>
constexpr int gates_of() {
  if (kPhase >= Cell::kPhases || Cell::gate_reads(0) == cells::Reads::input) return 0;
  return Cell::phase_gate(kPhase + 1) - Cell::phase_gate(kPhase);
}
template <class Cell, int kPhase>
inline constexpr int kGatesOf = gates_of<Cell, kPhase>();

// Calls f.template operator()<Cell, kPhase>() for a variant and a phase that has kGates gates: a kernel is compiled
// for a number of gates, and finds the cell when it runs.
template <int kGates, int kIndex = 0, class F>
RECUR_DEVICE void visit_phase(cells::Variant variant, int phase, F&& f) {
  if constexpr (kIndex < cells::kVariantCount) {
    using Cell = cells::CellOf<static_cast<cells::Variant>(kIndex)>;
    if constexpr (kGatesOf<Cell, 0> == kGates || kGatesOf<Cell, 1> == kGates) {
      if (variant == static_cast<cells::Variant>(kIndex)) {
        if constexpr (kGatesOf<Cell, 0> == kGates) {
          if (phase == 0) f.template operator()<Cell, 0>();
        }
        if constexpr (kGatesOf<Cell, 1> == kGates) {
          if (phase == 1) f.template operator()<Cell, 1>();
        }
        return;
      }
    }
    visit_phase<kGates, kIndex + 1>(variant, phase, f);
  }
}

}  // namespace recur::fused
