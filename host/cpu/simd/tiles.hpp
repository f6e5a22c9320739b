// Applies a cell to a panel of hidden units, straight after their product. Included only by kernels.cpp.
// These two functions are all that joins cells and this engine: they move values between memory and the
// cell's record.
#pragma once

#include "host/cpu/simd/kernels.hpp"
#include "host/cpu/simd/vector.hpp"

namespace recur::host::cpu::RECUR_SIMD_NAMESPACE {

template <class Cell, int kPhase, class E>
void forward_tile(const ForwardTile<E>& p) {
  using V = Vec<Arithmetic<E>>;
  constexpr int kFirst = Cell::phase_gate(kPhase);
  constexpr int kEnd = Cell::phase_gate(kPhase + 1);
  constexpr bool kLast = kPhase + 1 == Cell::kPhases;

  for (std::int64_t index = 0; index < p.row_count; ++index) {
    const std::int64_t row = p.rows[index];
    for (std::int64_t unit = 0; unit < p.units; unit += V::kLanes) {
      const std::int64_t count = p.units - unit;
      const std::int64_t state = row * p.state_row + unit;
      cells::ForwardUnit<Cell, V> u;
      if constexpr (Cell::Activations::kSlopes) u.activations = p.activations;

      const Arithmetic<E>* input = p.input + row * p.input_row + unit;
      const Arithmetic<E>* recurrent = p.recurrent + index * p.recurrent_row + unit;
      unroll<kEnd - kFirst>([&](auto i) RECUR_INLINE_LAMBDA {
        constexpr int kGate = kFirst + i;
        const V from_input =
            V::load(input + kGate * p.hidden, count) + V::load(p.bias + kGate * p.hidden + unit, count);
        if constexpr (Cell::gate_reads(kGate) == cells::Reads::input) {
          u.sums[kGate] = from_input;
        } else {
          const V from_state = V::load(recurrent + i * p.recurrent_gate, count);
          if constexpr (kGate == Cell::kSplitGate) {
            u.sums[kGate] = from_input;
            u.sums[Cell::kGates] = from_state + V::load(p.bias + Cell::kGates * p.hidden + unit, count);
          } else {
            u.sums[kGate] = from_input + from_state;
          }
        }
      });
      unroll<Cell::kPeepholes>([&](auto i) RECUR_INLINE_LAMBDA {
        u.peephole[i] = V::load(p.peephole + i * p.hidden + unit, count);
      });
      u.h_prev = V::load(p.h_prev + state, count);
      if constexpr (Cell::kCellState) u.c_prev = V::load(p.c + state, count);
      Arithmetic<E>* saved = p.saved ? p.saved + row * p.saved_row + unit : nullptr;
      if constexpr (kPhase > 0) {
        unroll<Cell::kSaved>([&](auto i)
                                 RECUR_INLINE_LAMBDA { u.saved[i] = V::load(saved + i * p.hidden, count); });
      }

      Cell::template forward<kPhase, VectorMath>(u);

      if (saved) {
        unroll<Cell::kSaved>([&](auto i)
                                 RECUR_INLINE_LAMBDA { u.saved[i].store(saved + i * p.hidden, count); });
      }
      if constexpr (!kLast) {
        u.exchange.store(p.exchange + state, count);
      } else {
        const bool clear = p.row_step[row] == RowStep::run_then_clear;
        u.h.store(p.y + row * p.y_row + unit, count);
        if (p.h_next) (clear ? V() : u.h).store(p.h_next + state, count);
        if constexpr (Cell::kCellState) {
          (clear ? V() : u.c).store(p.c + state, count);
          if (p.saved_c) u.c.store(p.saved_c + row * p.saved_c_row + unit, count);
          if (p.c_sequence) u.c.store(p.c_sequence + row * p.c_sequence_row + unit, count);
        }
      }
    }
  }
}

template <class E>
HWY_INLINE Vec<Arithmetic<E>> load_or_zero(const E* row, std::int64_t unit, std::int64_t count) {
  using V = Vec<Arithmetic<E>>;
  return row ? V::load(row + unit, count) : V();
}

template <class Cell, int kPhase, class E>
void backward_tile(const BackwardTile<E>& p) {
  using V = Vec<Arithmetic<E>>;
  for (std::int64_t index = 0; index < p.row_count; ++index) {
    const std::int64_t row = p.rows[index];
    for (std::int64_t unit = 0; unit < p.units; unit += V::kLanes) {
      const std::int64_t count = p.units - unit;
      E* dgates = p.dgates + row * p.dgates_row + unit;
      const std::int64_t state = row * p.state_row + unit;
      cells::BackwardUnit<Cell, V> u;
      if constexpr (Cell::Activations::kSlopes) u.activations = p.activations;

      const Arithmetic<E>* saved = p.saved + row * p.saved_row + unit;
      unroll<Cell::kSaved>([&](auto i)
                               RECUR_INLINE_LAMBDA { u.saved[i] = V::load(saved + i * p.hidden, count); });
      unroll<Cell::kPeepholes>([&](auto i) RECUR_INLINE_LAMBDA {
        u.peephole[i] = V::load(p.peephole + i * p.hidden + unit, count);
      });
      u.h_prev = load_or_zero(p.h_prev[row], p.unit + unit, count);
      if constexpr (Cell::kCellState) {
        u.c_prev = load_or_zero(p.c_prev[row], p.unit + unit, count);
        u.c = V::load(p.saved_c + row * p.saved_c_row + unit, count);
        u.dc = V::load(p.dc + state, count);
        if (p.dc_sequence) u.dc = u.dc + V::load(p.dc_sequence + row * p.dc_sequence_row + unit, count);
      }
      const V dh = V::load(p.dh + state, count);
      if constexpr (kPhase == 0) {
        u.dh = p.dy ? dh + V::load(p.dy + row * p.dy_row + unit, count) : dh;
      } else {
        u.dh_prev = dh;
        u.d_exchange = V::load(p.d_exchange + state, count);
        unroll<Cell::kSums>([&](auto i)
                                RECUR_INLINE_LAMBDA { u.dgates[i] = V::load(dgates + i * p.hidden, count); });
      }

      Cell::template backward<kPhase, VectorMath>(u);

      // What phase 0 published of the second phase's gates, other threads may be reading: phase 1 leaves it
      // alone.
      constexpr int kStored = kPhase == 0 ? Cell::kSums : Cell::phase_gate(1);
      unroll<kStored>([&](auto i) RECUR_INLINE_LAMBDA { u.dgates[i].store(dgates + i * p.hidden, count); });
      if constexpr (kPhase + 1 < Cell::kPhases)
        u.exchange.store(p.exchange + row * p.exchange_row + unit, count);
      u.dh_prev.store(p.dh + state, count);
      if constexpr (Cell::kCellState) {
        const bool clear = p.row_step[row] == RowStep::run_then_clear;
        (clear ? V() : u.dc_prev).store(p.dc + state, count);
      }
    }
  }
}

}  // namespace recur::host::cpu::RECUR_SIMD_NAMESPACE
