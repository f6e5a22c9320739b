// The gate kernel of the forward pass: what follows a product with R, where the phase has one. One thread handles
// a few neighbouring hidden units of one row.
#pragma once

#include "kernels/stepwise/gates.cuh"

namespace recur::stepwise {

// Steps past a sequence's end: zero outputs, an untouched state.
template <class Cell, int kPhase, class E, int kWidth>
RECUR_DEVICE void skip_forward(const ForwardStep& a, std::int64_t b, std::int64_t unit) {
  const std::int64_t t = a.step.t;
  if constexpr (kPhase + 1 < Cell::kPhases) {
    store_zeros<kWidth>(static_cast<E*>(a.exchange) + b * a.step.hidden + unit);
  } else {
    store_zeros<kWidth>(row_of<E>(a.y, t, b, unit));
    if (a.c_sequence) store_zeros<kWidth>(row_of<E>(a.c_sequence, t, b, unit));
  }
}

template <class Cell, int kPhase, class E, int kWidth>
RECUR_DEVICE void run_forward(const ForwardStep& a, const Sequence& sequence, std::int64_t b,
                              std::int64_t unit) {
  using A = Compute<E>;
  using Phase = PhaseOf<Cell, kPhase>;
  const std::int64_t t = a.step.t;
  const std::int64_t H = a.step.hidden;
  const std::int64_t state = b * H + unit;
  E* const h = a.h == nullptr ? nullptr : static_cast<E*>(a.h) + state;
  A* const c = static_cast<A*>(a.c) + state;
  A* const gates = static_cast<A*>(a.gates) + b * Cell::kSaved * H + unit;

  cells::ForwardUnit<Cell, A> u[kWidth];
  A values[kWidth];

  RECUR_UNROLL
  for (int gate = Phase::kFirst; gate < Phase::kEnd; ++gate) {
    const std::int64_t column = gate * H + unit;
    A from_input[kWidth], from_state[kWidth];
    load(row_of<A>(a.input, a.input_t, b, column), from_input);
    if constexpr (Phase::kReadsState) {
      load(static_cast<const A*>(a.recurrent) + b * Cell::kGates * H + column, from_state);
      if (gate == Cell::kSplitGate && a.split_bias != nullptr) {
        load_added(static_cast<const E*>(a.split_bias) + unit, from_state);
      }
    }
    RECUR_UNROLL
    for (int i = 0; i < kWidth; ++i) {
      if constexpr (!Phase::kReadsState) {
        u[i].sums[gate] = from_input[i];
      } else if (gate == Cell::kSplitGate) {
        u[i].sums[gate] = from_input[i];
        u[i].sums[Cell::kSums - 1] = from_state[i];
      } else {
        u[i].sums[gate] = from_input[i] + from_state[i];
      }
    }
  }
  RECUR_UNROLL
  for (int p = 0; p < Cell::kPeepholes; ++p) {
    load(static_cast<const E*>(a.peephole) + p * H + unit, values);
    RECUR_UNROLL
    for (int i = 0; i < kWidth; ++i) u[i].peephole[p] = values[i];
  }
  load_or_zero(static_cast<const E*>(h), values);
  RECUR_UNROLL
  for (int i = 0; i < kWidth; ++i) u[i].h_prev = values[i];
  if constexpr (Cell::kCellState) {
    load(c, values);
    RECUR_UNROLL
    for (int i = 0; i < kWidth; ++i) u[i].c_prev = values[i];
  }
  if constexpr (kPhase > 0) {
    RECUR_UNROLL
    for (int s = 0; s < Cell::kSaved; ++s) {
      load(gates + s * H, values);
      RECUR_UNROLL
      for (int i = 0; i < kWidth; ++i) u[i].saved[s] = values[i];
    }
  }

  RECUR_UNROLL
  for (int i = 0; i < kWidth; ++i) Cell::template forward<kPhase, GateMath>(u[i]);

  if constexpr (!Phase::kLast) {
    RECUR_UNROLL
    for (int i = 0; i < kWidth; ++i) values[i] = u[i].exchange;
    store(values, static_cast<E*>(a.exchange) + state);
    // What a later phase completes is not there yet.
    RECUR_UNROLL
    for (int s = 0; s < Phase::kEnd; ++s) {
      RECUR_UNROLL
      for (int i = 0; i < kWidth; ++i) values[i] = u[i].saved[s];
      store(values, gates + s * H);
    }
  } else {
    const bool clear = sequence.ends_episode(t);
    RECUR_UNROLL
    for (int i = 0; i < kWidth; ++i) values[i] = u[i].h;
    store(values, row_of<E>(a.y, t, b, unit));
    if (h != nullptr) {
      if (clear) {
        store_zeros<kWidth>(h);
      } else {
        store(values, h);
      }
    }
    if (a.saved) {
      RECUR_UNROLL
      for (int s = 0; s < Cell::kSaved; ++s) {
        RECUR_UNROLL
        for (int i = 0; i < kWidth; ++i) values[i] = u[i].saved[s];
        store(values, row_of<E>(a.saved, t, b, s * H + unit));
      }
    }
    if constexpr (Cell::kCellState) {
      RECUR_UNROLL
      for (int i = 0; i < kWidth; ++i) values[i] = u[i].c;
      if (a.saved_c) store(values, row_of<A>(a.saved_c, t, b, unit));
      if (a.c_sequence) store(values, row_of<E>(a.c_sequence, t, b, unit));
      if (clear) {
        store_zeros<kWidth>(c);
      } else {
        store(values, c);
      }
    }
  }
}

// At the last step visited nothing is cleared any more: the state is the final one.
template <class Cell, class E, int kWidth>
RECUR_DEVICE void store_final(const ForwardStep& a, std::int64_t b, std::int64_t unit) {
  Compute<E> values[kWidth];
  const std::int64_t state = b * a.step.hidden + unit;
  if (a.hN) {
    load(static_cast<const E*>(a.h) + state, values);
    store(values, row_of<E>(a.hN, 0, b, unit));
  }
  if constexpr (Cell::kCellState) {
    if (a.cN) {
      load(static_cast<const Compute<E>*>(a.c) + state, values);
      store(values, row_of<E>(a.cN, 0, b, unit));
    }
  }
}

template <class Cell, int kPhase, class E, int kWidth>
RECUR_KERNEL(kThreads)
forward_step_kernel(ForwardStep a) {
  for_units<kWidth>(a.step, [&](std::int64_t b, std::int64_t unit) {
    const Sequence sequence(a.step.timeline, b);
    if (sequence.valid(a.step.t)) {
      run_forward<Cell, kPhase, E, kWidth>(a, sequence, b, unit);
    } else {
      skip_forward<Cell, kPhase, E, kWidth>(a, b, unit);
    }
    if constexpr (kPhase + 1 == Cell::kPhases) store_final<Cell, E, kWidth>(a, b, unit);
  });
}

template <class E>
struct ForwardPass {
  static bool can_vectorise(const ForwardStep& a) {
    using A = Compute<E>;
    Alignment alignment(kUnits<E>);
    alignment.stride(a.step.hidden)
        .template rows<A>(a.input)
        .template pointer<A>(a.recurrent)
        .template pointer<E>(a.split_bias)
        .template pointer<E>(a.peephole)
        .template pointer<E>(a.h)
        .template pointer<A>(a.c)
        .template pointer<E>(a.exchange)
        .template pointer<A>(a.gates)
        .template rows<E>(a.y)
        .template rows<E>(a.c_sequence)
        .template rows<E>(a.saved)
        .template rows<A>(a.saved_c)
        .template rows<E>(a.hN)
        .template rows<E>(a.cN);
    return static_cast<bool>(alignment);
  }
  template <class Cell, int kPhase, int kWidth>
  static void launch(const ForwardStep& a, const device::LaunchConfig& config) {
    RECUR_LAUNCH((forward_step_kernel<Cell, kPhase, E, kWidth>), config, a);
  }
};

template <DataType kType>
void Kernels<kType>::forward_step(cells::Variant variant, int phase, const ForwardStep& arguments,
                                  void* stream) {
  using E = device::Storage<kType>;
  cells::visit(variant, LaunchStep<ForwardPass<E>, E, ForwardStep>{arguments, phase, stream});
}

}  // namespace recur::stepwise
