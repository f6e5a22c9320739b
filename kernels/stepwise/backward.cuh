// The gate kernel of the backward pass: what comes before a product with R. One thread handles a few
// neighbouring hidden units of one row.
//
// dh and dc carry the gradients of the state from a step to the one before it. A step that started an episode
// passes none on: its carry is dropped by whoever reads it next.
#pragma once

#include "kernels/stepwise/gates.cuh"

namespace recur::stepwise {

// Steps past a sequence's end contribute nothing and leave the carry alone.
template <class Cell, int kPhase, class E, int kWidth>
RECUR_DEVICE void skip_backward(const BackwardStep& a, std::int64_t b, std::int64_t unit) {
  if constexpr (kPhase == 0) {
    const std::int64_t t = a.step.t;
    RECUR_UNROLL
    for (int s = 0; s < Cell::kSums; ++s)
      store_zeros<kWidth>(row_of<E>(a.dgates, t, b, s * a.step.hidden + unit));
    if (a.h_prev) store_zeros<kWidth>(row_of<E>(a.h_prev, t, b, unit));
    if constexpr (Cell::kPhases > 1) store_zeros<kWidth>(row_of<E>(a.exchange, t, b, unit));
  }
}

template <class Cell, int kPhase, class E, int kWidth>
RECUR_DEVICE void run_backward(const BackwardStep& a, const Sequence& sequence, std::int64_t b,
                               std::int64_t unit) {
  using A = Compute<E>;
  using Phase = PhaseOf<Cell, kPhase>;
  const std::int64_t t = a.step.t;
  const std::int64_t H = a.step.hidden;
  const std::int64_t state = b * H + unit;
  A* const dh = static_cast<A*>(a.dh) + state;
  A* const dc = static_cast<A*>(a.dc) + state;
  const E* const saved = row_of<E>(a.saved, t, b, unit);
  E* const dgates_row = row_of<E>(a.dgates, t, b, unit);
  const auto dgates = [&](int sum) {
    return dgates_row + gpu_pass::block_of_sum(Cell::kSplitGate, Cell::kGates, sum) * H;
  };

  // Phase 0 gives the sums that phase 1 completes; the operands of the product between are left alone there.
  constexpr int kStored = kPhase == 0 ? Cell::kSums : PhaseOf<Cell, 0>::kEnd;

  cells::BackwardUnit<Cell, A> u[kWidth] = {};
  A values[kWidth];

  RECUR_UNROLL
  for (int s = 0; s < Cell::kSaved; ++s) {
    load(saved + s * H, values);
    RECUR_UNROLL
    for (int i = 0; i < kWidth; ++i) u[i].saved[s] = values[i];
  }
  RECUR_UNROLL
  for (int p = 0; p < Cell::kPeepholes; ++p) {
    load(static_cast<const E*>(a.peephole) + p * H + unit, values);
    RECUR_UNROLL
    for (int i = 0; i < kWidth; ++i) u[i].peephole[p] = values[i];
  }

  if constexpr (kPhase == 0) {
    const bool drop = sequence.ends_episode(t);
    if (a.h_prev) {
      load_previous<E, E>(sequence, a.y, a.h0, t, b, unit, values);
      store(values, row_of<E>(a.h_prev, t, b, unit));
      RECUR_UNROLL
      for (int i = 0; i < kWidth; ++i) u[i].h_prev = values[i];
    }

    // The gradient of what is projected belongs to this step alone.
    load_or_zero(drop && a.h_prev ? nullptr : dh, values);
    if (a.dy) load_added(row_of<E>(a.dy, t, b, unit), values);
    RECUR_UNROLL
    for (int i = 0; i < kWidth; ++i) u[i].dh = values[i];

    if constexpr (Cell::kCellState) {
      load_or_zero(drop ? nullptr : dc, values);
      if (a.dc_sequence) load_added(row_of<E>(a.dc_sequence, t, b, unit), values);
      RECUR_UNROLL
      for (int i = 0; i < kWidth; ++i) u[i].dc = values[i];
      load(row_of<A>(a.saved_c, t, b, unit), values);
      RECUR_UNROLL
      for (int i = 0; i < kWidth; ++i) u[i].c = values[i];
      load_previous<A, E>(sequence, a.saved_c, a.c0, t, b, unit, values);
      RECUR_UNROLL
      for (int i = 0; i < kWidth; ++i) u[i].c_prev = values[i];
    }
  } else {
    load(static_cast<const E*>(row_of<E>(a.h_prev, t, b, unit)), values);
    RECUR_UNROLL
    for (int i = 0; i < kWidth; ++i) u[i].h_prev = values[i];
    RECUR_UNROLL
    for (int s = 0; s < kStored; ++s) {
      load(static_cast<const E*>(dgates(s)), values);
      RECUR_UNROLL
      for (int i = 0; i < kWidth; ++i) u[i].dgates[s] = values[i];
    }
    load(static_cast<const A*>(dh), values);
    RECUR_UNROLL
    for (int i = 0; i < kWidth; ++i) u[i].dh_prev = values[i];
    load(static_cast<const A*>(a.d_exchange) + state, values);
    RECUR_UNROLL
    for (int i = 0; i < kWidth; ++i) u[i].d_exchange = values[i];
  }

  RECUR_UNROLL
  for (int i = 0; i < kWidth; ++i) Cell::template backward<kPhase, GateMath>(u[i]);

  RECUR_UNROLL
  for (int s = 0; s < kStored; ++s) {
    RECUR_UNROLL
    for (int i = 0; i < kWidth; ++i) values[i] = u[i].dgates[s];
    store(values, dgates(s));
  }
  if constexpr (!Phase::kLast) {
    RECUR_UNROLL
    for (int i = 0; i < kWidth; ++i) values[i] = u[i].exchange;
    store(values, row_of<E>(a.exchange, t, b, unit));
  }
  RECUR_UNROLL
  for (int i = 0; i < kWidth; ++i) values[i] = u[i].dh_prev;
  store(values, dh);
  if constexpr (Cell::kCellState) {
    RECUR_UNROLL
    for (int i = 0; i < kWidth; ++i) values[i] = u[i].dc_prev;
    store(values, dc);
  }
  if constexpr (Cell::kPeepholes > 0) {
    if (a.dpeephole == nullptr) return;
    A* const dpeephole = static_cast<A*>(a.dpeephole) + b * Cell::kPeepholes * H + unit;
    RECUR_UNROLL
    for (int p = 0; p < Cell::kPeepholes; ++p) {
      const int gate = PeepholesOf<Cell>::gate(p);
      load(static_cast<const A*>(dpeephole) + p * H, values);
      RECUR_UNROLL
      for (int i = 0; i < kWidth; ++i) {
        values[i] += u[i].dgates[gate] * (p + 1 == Cell::kPeepholes ? u[i].c : u[i].c_prev);
      }
      store(values, dpeephole + p * H);
    }
  }
}

template <class Cell, int kPhase, class E, int kWidth>
RECUR_KERNEL(kThreads)
backward_step_kernel(BackwardStep a) {
  for_units<kWidth>(a.step, [&](std::int64_t b, std::int64_t unit) {
    const Sequence sequence(a.step.timeline, b);
    if (sequence.valid(a.step.t)) {
      run_backward<Cell, kPhase, E, kWidth>(a, sequence, b, unit);
    } else {
      skip_backward<Cell, kPhase, E, kWidth>(a, b, unit);
    }
  });
}

template <class E>
struct BackwardPass {
  static bool can_vectorise(const BackwardStep& a) {
    using A = Compute<E>;
    Alignment alignment(kUnits<E>);
    alignment.stride(a.step.hidden)
        .template rows<E>(a.saved)
        .template rows<A>(a.saved_c)
        .template pointer<E>(a.peephole)
        .template rows<E>(a.y)
        .template rows<E>(a.h0)
        .template rows<E>(a.c0)
        .template rows<E>(a.dy)
        .template rows<E>(a.dc_sequence)
        .template pointer<A>(a.dh)
        .template pointer<A>(a.dc)
        .template pointer<A>(a.d_exchange)
        .template pointer<A>(a.dpeephole)
        .template rows<E>(a.dgates)
        .template rows<E>(a.h_prev)
        .template rows<E>(a.exchange);
    return static_cast<bool>(alignment);
  }
  template <class Cell, int kPhase, int kWidth>
  static void launch(const BackwardStep& a, const device::LaunchConfig& config) {
    RECUR_LAUNCH((backward_step_kernel<Cell, kPhase, E, kWidth>), config, a);
  }
};

template <DataType kType>
void Kernels<kType>::backward_step(cells::Variant variant, int phase, const BackwardStep& arguments,
                                   void* stream) {
  using E = device::Storage<kType>;
  cells::visit(variant, LaunchStep<BackwardPass<E>, E, BackwardStep>{arguments, phase, stream});
}

}  // namespace recur::stepwise
