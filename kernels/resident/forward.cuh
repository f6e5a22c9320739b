// Forward over many steps by clusters of blocks in which the recurrent weights stay.
//
// A cluster takes one direction and some batch tiles, and visits them in turn, step after step: while one
// tile's state travels between blocks, the next is multiplied. A visit, in every block alike:
//
// clang-format off
//   who                | does                                              | published by, and what it frees
//   -------------------|---------------------------------------------------|---------------------------------------
//   warp               | multiplies its K-blocks of h, source by source    | mbarrier of the source, cluster scope
//   warps of a group   | leave their parts of the sums in `partial`        | named barrier of the group
//   thread             | gates of its units and rows; has their c and h    | nobody else reads them
//   thread             | stores its new h in the block's own buffer        | __syncthreads: own h may be pushed and
//                      |                                                   | multiplied; every warp has read h of
//                      |                                                   | the step before, so peers may write
//                      |                                                   | there; `partial` is free
//   thread             | pushes pieces of the block's h to all peers       | their mbarrier of this source
//   thread s           | expects source s's bytes in the buffer just read  | the barrier's next phase can complete
//   thread             | copies its W x of the next visit to shared memory | nobody else reads it; it waits for its
//                      |                                                   | copies when it has multiplied
//   thread             | stores y and what training keeps                  | global memory, which nobody waits for
// clang-format on
//
// exchange.cuh says why two buffers of h do. A cell of two phases goes through this twice a step, its first
// phase exchanging what the second multiplies. With several batch tiles, c and h lie in shared memory between
// visits. A batch tile whose sequences have all ended is left out, by all blocks alike; a row that has ended
// keeps its state and is exchanged on.
#pragma once

#include "kernels/device/async_copy.cuh"
#include "kernels/device/fast_math.cuh"
#include "kernels/device/launch.cuh"
#include "kernels/device/vector_io.cuh"
#include "kernels/gpu_pass/units.cuh"
#include "kernels/resident/launch.hpp"
#include "kernels/resident/weights.cuh"

namespace recur::resident {

using gpu_pass::PhaseOf;
using gpu_pass::row_of;
using schedule::Timeline;
using schedule::VisitOrder;

template <class Cell, class E, Tile kTile, bool kManyTiles>
class ForwardBlock {
 public:
  RECUR_DEVICE ForwardBlock(const Track& track, int steps, int batch_tiles, unsigned char* shared)
      : track_(track),
        steps_(steps),
        first_step_(static_cast<int>(track.step.step.t)),
        batch_tiles_(batch_tiles),
        hidden_(static_cast<int>(track.step.step.hidden)),
        batch_(static_cast<int>(track.step.step.batch)),
        thread_(static_cast<int>(threadIdx.x)),
        place_(Place::of_thread<kTile>(thread_)),
        layout_(kTile, Cell::kGates, static_cast<int>(device::cluster_size()), batch_tiles),
        exchange_(shared, layout_, static_cast<int>(device::cluster_size()),
                  static_cast<int>(device::cluster_rank()), batch_tiles,
                  batch_ - static_cast<int>(blockIdx.x / device::cluster_size()) * batch_tiles * kTileRows),
        weights_(shared, layout_, place_, exchange_.rank()),
        partial_(reinterpret_cast<float*>(shared + layout_.partial)),
        kept_(reinterpret_cast<float*>(shared + layout_.kept)),
        longest_(reinterpret_cast<int*>(shared + layout_.longest)),
        input_(reinterpret_cast<float*>(shared + layout_.input) + device::opaque(thread_)),
        first_row_(static_cast<int>(blockIdx.x / device::cluster_size()) * batch_tiles * kTileRows),
        onwards_(device::opaque(track.step.step.timeline.order().step(0, 1))),
        asked_(device::opaque(asked_of(track.step))) {}

  RECUR_DEVICE void run() {
    load();
    prefetch(step_of(0), 0);
    for (int i = 0; i < steps_; ++i) {
      for (int tile = 0; tile < batch_tiles_; ++tile) visit(i, tile);
    }
    // A block arrives when all that was pushed to it has come: whoever waits for all blocks knows that
    // nothing of his own is under way when he exits.
    device::cluster_arrive();
    finish();
    device::cluster_wait();
  }

 private:
  static constexpr int kValues = Values<kTile>::kCount;
  using Unit = cells::ForwardUnit<Cell, float>;
  using Math = device::FastMath<E>;

  // What a thread has of one unit and row between visits.
  struct Kept {
    float c;
    float h;     // rounded to E
    int length;  // of the row's sequence; -1 for rows and units that are padding
  };

  // The visits of a batch tile at which one of its sequences has a step.
  using Span = VisitOrder::Visits<int>;

  // What a caller may ask for or leave out.
  enum Asked : int { kMarks = 1, kReserve = 2, kReserveC = 4, kCellSequence = 8 };
  RECUR_DEVICE static int asked_of(const gpu_pass::ForwardStep& step) {
    return (step.step.timeline.marks ? kMarks : 0) | (step.saved ? kReserve : 0) |
           (step.saved_c ? kReserveC : 0) | (step.c_sequence ? kCellSequence : 0);
  }

  RECUR_DEVICE const Timeline& timeline() const { return track_.step.step.timeline; }
  // A step of a sequence, whose length is an int.
  RECUR_DEVICE int step_of(int i) const { return first_step_ + i * onwards_; }
  RECUR_DEVICE Span span_of(int tile) const {
    if constexpr (!kManyTiles) return span_;
    return span_with(longest_[tile]);
  }
  RECUR_DEVICE Span span_with(int longest) const {
    return timeline().order().visits_within(longest, first_step_, steps_);
  }

  RECUR_DEVICE int group_unit(int value) const { return Values<kTile>::unit(place_, value); }
  RECUR_DEVICE int tile_row(int value) const { return Values<kTile>::row(place_, value); }
  // Unit of the layer, and row of the batch.
  RECUR_DEVICE int unit(int value) const {
    return exchange_.rank() * kTile.units() + place_.group * kBlockUnits + group_unit(value);
  }
  RECUR_DEVICE int row(int tile, int value) const { return first_row_ + tile * kTileRows + tile_row(value); }
  RECUR_DEVICE bool exists(int tile, int value) const {
    return unit(value) < hidden_ && row(tile, value) < batch_;
  }

  // The place of a value in rows of units at t, given the row of value 0. From value to value it is a step
  // that all threads share.
  template <class Value, class Rows>
  RECUR_DEVICE auto* place_of(const Rows& rows, std::int64_t t, int first_row, int value) const {
    return row_of<Value>(rows, t, first_row, unit(0)) + offset(rows, value);
  }
  template <class Rows>
  RECUR_DEVICE static std::int64_t offset(const Rows& rows, int value) {
    return Values<kTile>::rows_on(value) * rows.batch + Values<kTile>::units_on(value);
  }

  RECUR_DEVICE float* kept_at(int tile, int value, int which) const {
    return kept_ + ((tile * kValues + value) * 3 + which) * kTile.threads() + thread_;
  }
  RECUR_DEVICE void take_kept(int tile) {
    if constexpr (kManyTiles) {
      RECUR_UNROLL
      for (int i = 0; i < kValues; ++i) {
        kept_values_[i] = {*kept_at(tile, i, 0), *kept_at(tile, i, 1),
                           *reinterpret_cast<int*>(kept_at(tile, i, 2))};
      }
    }
  }
  RECUR_DEVICE void put_kept(int tile) {
    if constexpr (kManyTiles) {
      RECUR_UNROLL
      for (int i = 0; i < kValues; ++i) {
        *kept_at(tile, i, 0) = kept_values_[i].c;
        *kept_at(tile, i, 1) = kept_values_[i].h;
        *reinterpret_cast<int*>(kept_at(tile, i, 2)) = kept_values_[i].length;
      }
    }
  }

  // Of a batch tile that need not be the one that is visited.
  RECUR_DEVICE int length_at(int tile, int value) const {
    if constexpr (kManyTiles) return *reinterpret_cast<int*>(kept_at(tile, value, 2));
    return kept_values_[value].length;
  }

  RECUR_DEVICE int length_of(int row) const {
    if (row >= batch_) return 0;
    return static_cast<int>(schedule::Sequence(timeline(), row).length());
  }

  RECUR_DEVICE void load() {
    exchange_.start(thread_);
    weights_.load(static_cast<const E*>(track_.R), track_.R_row, hidden_,
                  exchange_.rank() * kTile.units() + place_.group * kBlockUnits, place_);
    for (int tile = thread_; tile < batch_tiles_; tile += kTile.threads()) {
      int longest = 0;
      for (int r = 0; r < kTileRows; ++r) {
        const int length = length_of(first_row_ + tile * kTileRows + r);
        longest = length > longest ? length : longest;
      }
      longest_[tile] = longest;
    }
    load_state();
    for (int tile = 0; tile < batch_tiles_; ++tile) load_kept(tile);
    input_at_ = place_of<float>(track_.step.input, track_.step.input_t, row(0, 0), 0);
    y_at_ = place_of<E>(track_.step.y, first_step_, row(0, 0), 0);
    RECUR_UNROLL
    for (int i = 0; i < kValues; ++i) {
      if (unit(i) >= hidden_) continue;
      RECUR_UNROLL
      for (int p = 0; p < Cell::kPeepholes; ++p) {
        const auto* const peephole = static_cast<const E*>(track_.step.peephole);
        peephole_[i][p] = device::to_compute(peephole[std::int64_t{p} * hidden_ + unit(i)]);
      }
      if (Cell::kSplitGate >= 0 && track_.step.split_bias != nullptr) {
        split_bias_[i] = device::to_compute(static_cast<const E*>(track_.step.split_bias)[unit(i)]);
      }
    }
    device::cluster_barrier();
    if constexpr (!kManyTiles) span_ = span_with(longest_[0]);
  }

  // Exchange 0: h of all units.
  RECUR_DEVICE void load_state() {
    const int octets = exchange_.blocks() * 2;
    const int count = batch_tiles_ * octets * kTileRows;
    for (int at = thread_; at < count; at += kTile.threads()) {
      const int tile_row = at % kTileRows;
      const int octet = at / kTileRows % octets;
      const int tile = at / kTileRows / octets;
      const int row = first_row_ + tile * kTileRows + tile_row;
      device::Pack<E, 8> h;
      RECUR_UNROLL
      for (int i = 0; i < 8; ++i) {
        const int unit = octet * 8 + i;
        h.values[i] = row < batch_ && unit < hidden_
                          ? static_cast<const E*>(track_.step.h)[std::int64_t{row} * hidden_ + unit]
                          : device::to_storage<E>(0.0f);
      }
      *reinterpret_cast<device::Pack<E, 8>*>(exchange_.octet(0, tile, octet, tile_row)) = h;
    }
  }

  RECUR_DEVICE void load_kept(int tile) {
    RECUR_UNROLL
    for (int i = 0; i < kValues; ++i) {
      kept_values_[i] = {0, 0, -1};
      if (!exists(tile, i)) continue;
      const std::int64_t at = std::int64_t{row(tile, i)} * hidden_ + unit(i);
      if constexpr (Cell::kCellState) kept_values_[i].c = static_cast<const float*>(track_.step.c)[at];
      kept_values_[i].h = device::to_compute(static_cast<const E*>(track_.step.h)[at]);
      kept_values_[i].length = length_of(row(tile, i));
    }
    put_kept(tile);
  }

  // Where a thread's W x of the next visit arrives, and after the gates the word that has its mark.
  RECUR_DEVICE float* input_place(int value, int gate) const {
    return input_ + (value * (Cell::kGates + 1) + gate) * kTile.threads();
  }
  RECUR_DEVICE std::uint32_t* mark_place(int value) const {
    return reinterpret_cast<std::uint32_t*>(input_place(value, Cell::kGates));
  }

  // W x of the next visit, at step t to a batch tile, and the marks that decide whether the state it leaves
  // is cleared. Copies to shared memory, because the waits for h would wait for loads into registers. Nothing
  // is copied for a value that does not run; a visit of none copies nothing, and none waits for it.
  RECUR_DEVICE void prefetch(int t, int tile) {
    bool runs[kValues];
    RECUR_UNROLL
    for (int value = 0; value < kValues; ++value) runs[value] = t < length_at(tile, value);
    RECUR_UNROLL
    for (int gate = 0; gate < Cell::kGates; ++gate) {
      const float* const from = input_at_ + std::int64_t{gate} * hidden_;
      RECUR_UNROLL
      for (int value = 0; value < kValues; ++value) {
        if (runs[value]) {
          device::copy_async_4(input_place(value, gate), from + offset(track_.step.input, value));
        }
      }
    }
    const Timeline& time = timeline();
    if (!(asked_ & kMarks)) return;
    RECUR_UNROLL
    for (int value = 0; value < kValues; ++value) {
      marks_[value] = 0;
      if (runs[value] && time.has_next(length_at(tile, value), t)) prefetch_mark(value, row(tile, value), t);
    }
  }
  // A mark is a byte and a copy a word: the aligned word in which the mark is, up to the mark. What comes
  // before it there belongs to the same allocation, since those are aligned.
  RECUR_DEVICE void prefetch_mark(int value, int row, int t) {
    const auto at = reinterpret_cast<std::uintptr_t>(timeline().place_of_mark_after(row, t));
    const auto before = static_cast<int>(at % 4);
    device::copy_async_4(mark_place(value), reinterpret_cast<const void*>(at - at % 4), before + 1);
    marks_[value] = 0xffu << (before * 8);
  }
  // When this thread's copies have come: what the gates of a visit need of them.
  RECUR_DEVICE void wait_for_input() {
    device::copy_async_wait_all();
    RECUR_UNROLL
    for (int value = 0; value < kValues; ++value) marks_[value] &= *device::noted(mark_place(value));
  }
  // W x of the gates [kFirst, kFirst + kGates).
  template <int kFirst, int kGates>
  RECUR_DEVICE void read_input(float (&input)[kValues][kGates]) const {
    RECUR_UNROLL
    for (int i = 0; i < kValues; ++i) {
      RECUR_UNROLL
      for (int gate = 0; gate < kGates; ++gate) {
        input[i][gate] = *device::noted(input_place(i, kFirst + gate));
      }
    }
  }
  RECUR_DEVICE void prefetch_after(int i, int tile) {
    const bool same_step = tile + 1 < batch_tiles_;
    if (!same_step && i + 1 == steps_) return;
    advance(input_at_, track_.input, same_step);
    prefetch(step_of(same_step ? i : i + 1), same_step ? tile + 1 : 0);
  }
  template <class Value>
  RECUR_DEVICE void advance(Value*& at, const Stride& stride, bool same_step) const {
    at += kManyTiles && same_step ? stride.next_tile : stride.next_step;
  }

  RECUR_DEVICE void visit(int i, int tile) {
    const Span span = span_of(tile);
    const int t = step_of(i);
    take_kept(tile);
    if (i >= span.begin && i < span.end) {
      const int first = (i - span.begin) * Cell::kPhases;
      const int last = (span.end - span.begin) * Cell::kPhases - 1;
      if constexpr (Cell::kPhases > 1) run_phase<0>(first, last, t, tile);
      run_phase<Cell::kPhases - 1>(first + Cell::kPhases - 1, last, t, tile);
      put_kept(tile);
    }
    prefetch_after(i, tile);
    store_outputs(t, tile);
    advance(y_at_, track_.y, tile + 1 < batch_tiles_);
  }

  // Products of exchange e, gates, and exchange e + 1 unless e is the last one.
  template <int kPhase>
  RECUR_DEVICE void run_phase(int e, int last, int t, int tile) {
    using Phase = PhaseOf<Cell, kPhase>;
    constexpr int kGates = Phase::kEnd - Phase::kFirst;
    float products[kGates][4];
    float sums[kValues][kGates];
    weights_.template multiply<Phase::kFirst, Phase::kEnd>(exchange_, e, tile, place_.lane, products);
    // In the shadow of the last products.
    if constexpr (kPhase == 0) wait_for_input();
    float input[kValues][kGates];
    read_input<Phase::kFirst>(input);
    gather_sums<kTile, kGates>(products, place_, partial_, sums);
    RECUR_UNROLL
    for (int i = 0; i < kValues; ++i) {
      const E result = run_gates<kPhase>(i, t < kept_values_[i].length, input[i], sums[i]);
      exchange_.store(e + 1, tile, place_.group, group_unit(i), tile_row(i), result);
    }
    __syncthreads();
    if (e < last) {
      exchange_.push(e + 1, tile, thread_);
      exchange_.expect(e, tile, thread_);
    }
  }

  // What the phase exchanges. Of a row that has ended or is padding the gates are computed too, from whatever
  // is there, and nothing comes of it: without a branch, those of all values of a thread overlap.
  template <int kPhase, int kGates>
  RECUR_DEVICE E run_gates(int value, bool runs, const float (&input)[kGates], const float (&sums)[kGates]) {
    using Phase = PhaseOf<Cell, kPhase>;
    Unit& u = units_[value];
    Kept& kept = kept_values_[value];
    RECUR_UNROLL
    for (int i = 0; i < kGates; ++i) {
      const int gate = Phase::kFirst + i;
      if (gate == Cell::kSplitGate) {
        u.sums[gate] = input[i];
        u.sums[Cell::kSums - 1] = sums[i] + split_bias_[value];
      } else {
        u.sums[gate] = input[i] + sums[i];
      }
    }
    RECUR_UNROLL
    for (int p = 0; p < Cell::kPeepholes; ++p) u.peephole[p] = peephole_[value][p];
    u.h_prev = kept.h;
    if constexpr (Cell::kCellState) u.c_prev = kept.c;
    Cell::template forward<kPhase, Math>(u);
    if constexpr (!Phase::kLast) {
      return device::to_storage<E>(runs ? u.exchange : 0);
    } else {
      const bool clear = marks_[value] != 0;
      const E h = device::to_storage<E>(runs ? (clear ? 0 : u.h) : kept.h);
      kept.h = device::to_compute(h);
      if constexpr (Cell::kCellState) kept.c = runs ? (clear ? 0 : u.c) : kept.c;
      return h;
    }
  }

  // y and c of the sequence, zeros where a row has ended; and what training keeps.
  RECUR_DEVICE void store_outputs(int t, int tile) {
    const gpu_pass::ForwardStep& to = track_.step;
    RECUR_UNROLL
    for (int value = 0; value < kValues; ++value) {
      const int length = kept_values_[value].length;
      if (length >= 0) {
        y_at_[offset(to.y, value)] = device::to_storage<E>(t < length ? units_[value].h : 0);
      }
    }
    if (asked_ & kReserve) {
      const int first_row = device::opaque(row(tile, 0));
      RECUR_UNROLL
      for (int value = 0; value < kValues; ++value) {
        if (t >= kept_values_[value].length) continue;
        E* const saved = place_of<E>(to.saved, t, first_row, value);
        RECUR_UNROLL
        for (int s = 0; s < Cell::kSaved; ++s) {
          saved[std::int64_t{s} * hidden_] = device::to_storage<E>(units_[value].saved[s]);
        }
      }
    }
    if constexpr (Cell::kCellState) {
      if (asked_ & kReserveC) {
        const int first_row = device::opaque(row(tile, 0));
        RECUR_UNROLL
        for (int value = 0; value < kValues; ++value) {
          if (t >= kept_values_[value].length) continue;
          *place_of<float>(to.saved_c, t, first_row, value) = units_[value].c;
        }
      }
      if (asked_ & kCellSequence) {
        const int first_row = device::opaque(row(tile, 0));
        RECUR_UNROLL
        for (int value = 0; value < kValues; ++value) {
          const int length = kept_values_[value].length;
          if (length < 0) continue;
          *place_of<E>(to.c_sequence, t, first_row, value) =
              device::to_storage<E>(t < length ? units_[value].c : 0);
        }
      }
    }
  }

  RECUR_DEVICE void finish() {
    for (int tile = 0; tile < batch_tiles_; ++tile) {
      take_kept(tile);
      RECUR_UNROLL
      for (int i = 0; i < kValues; ++i) {
        if (!exists(tile, i)) continue;
        const int b = row(tile, i);
        const std::int64_t at = std::int64_t{b} * hidden_ + unit(i);
        const E h = device::to_storage<E>(kept_values_[i].h);
        static_cast<E*>(track_.step.h)[at] = h;
        if (track_.step.hN) *row_of<E>(track_.step.hN, 0, b, unit(i)) = h;
        if constexpr (Cell::kCellState) {
          static_cast<float*>(track_.step.c)[at] = kept_values_[i].c;
          if (track_.step.cN) {
            *row_of<E>(track_.step.cN, 0, b, unit(i)) = device::to_storage<E>(kept_values_[i].c);
          }
        }
      }
    }
  }

  const Track& track_;
  const int steps_;
  const int first_step_;
  const int batch_tiles_;
  const int hidden_;
  const int batch_;
  const int thread_;
  const Place place_;
  const SharedLayout layout_;
  Exchange<kTile> exchange_;
  RecurrentWeights<E, kTile, Cell::kGates> weights_;
  float* const partial_;
  float* const kept_;
  int* const longest_;
  float* const input_;  // of the thread
  const int first_row_;
  // Parameters that the time loop looks at, in registers: it would load them again in every step.
  const int onwards_;  // from a step to the next
  const int asked_;    // bits of Asked

  Span span_;              // of the batch tile, where there is one
  const float* input_at_;  // value 0 of the next visit, and
  E* y_at_;                // of this one
  Kept kept_values_[kValues];
  Unit units_[kValues] = {};
  // Not 0: the visit clears the state. Until `wait_for_input`: the bits of the mark in its word.
  unsigned marks_[kValues] = {};
  float peephole_[kValues][Cell::kPeepholes > 0 ? Cell::kPeepholes : 1];
  float split_bias_[kValues] = {};
};

// Clusters along x take batch tiles, blocks along y directions. kTile is an index of kTiles: nvcc's stubs of
// kernels cannot name a Tile.
template <class Cell, class E, int kTile, bool kManyTiles>
RECUR_KERNEL(kTiles[kTile].threads())
forward_kernel(const RECUR_GRID_CONSTANT Forward a, const int batch_tiles) {
  RECUR_DYNAMIC_SHARED(unsigned char, shared);
  ForwardBlock<Cell, E, kTiles[kTile], kManyTiles>(a.tracks[blockIdx.y], a.steps,
                                                   kManyTiles ? batch_tiles : 1, shared)
      .run();
}

template <class Rows>
Stride stride(const Rows& rows, int batch_tiles, bool reverse) {
  const std::int64_t next_tile = kTileRows * rows.batch;
  return {next_tile, (reverse ? -rows.step : rows.step) - (batch_tiles - 1) * next_tile};
}

template <class Cell, class E, int kTile, bool kManyTiles>
void launch_tile(Forward arguments, const Launch& launch) {
  constexpr Tile kShape = kTiles[kTile];
  for (Track& track : arguments.tracks) {
    track.input = stride(track.step.input, launch.batch_tiles, track.step.step.timeline.reverse);
    track.y = stride(track.step.y, launch.batch_tiles, track.step.step.timeline.reverse);
  }
  const std::int64_t rows = std::int64_t{launch.batch_tiles} * kTileRows;
  const std::int64_t clusters = (arguments.tracks[0].step.step.batch + rows - 1) / rows;
  device::LaunchConfig config;
  config.grid =
      dim3(static_cast<unsigned>(clusters * launch.cluster), static_cast<unsigned>(arguments.directions));
  config.block = dim3(kShape.threads());
  config.shared_bytes = SharedLayout(kShape, Cell::kGates, launch.cluster, launch.batch_tiles).bytes;
  config.cluster = dim3(static_cast<unsigned>(launch.cluster));
  config.registers = kShape.register_limit();
  config.stream = launch.stream;
  RECUR_LAUNCH((forward_kernel<Cell, E, kTile, kManyTiles>), config, arguments, launch.batch_tiles);
}

template <class Cell, class E, int kTile = 0>
void launch_forward(const Forward& arguments, const Launch& launch) {
  if constexpr (kTile + 1 < kTileCount) {
    if (launch.tile != kTile) return launch_forward<Cell, E, kTile + 1>(arguments, launch);
  }
  if (launch.batch_tiles > 1) {
    launch_tile<Cell, E, kTile, true>(arguments, launch);
  } else {
    launch_tile<Cell, E, kTile, false>(arguments, launch);
  }
}

template <DataType kType, cells::Variant kVariant>
void forward(const Forward& arguments, const Launch& launch) {
  launch_forward<cells::CellOf<kVariant>, device::Storage<kType>>(arguments, launch);
}

}  // namespace recur::resident
