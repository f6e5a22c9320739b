// A step of forward in one kernel: the product with R, and the gates as its epilogue.
//
// | who                     | does                                                                              |
// |-------------------------|-----------------------------------------------------------------------------------|
// | a block                 | 8 units with all gates of the phase, up to 32 rows of the batch, one direction      |
// | a warp                  | every warps-th chunk of the depth, for all of the block's units and rows            |
// | a thread, in the end    | adds the warps' sums for one unit of one row in the order of warps, and runs its gates |
//
// h is read from one buffer and written to another, since other blocks may still be reading it. c is the thread's own.
#pragma once

#include "kernels/device/dependent_launch.cuh"
#include "kernels/fused/gates.cuh"
#include "kernels/fused/warp_product.cuh"

namespace recur::fused {

struct StepArguments {
  Forward forward;
  int first_gate;  // of the phase
};

// Operands of this lane: R of its unit in the gates of the phase, a set for each, and h.
template <class E>
RECUR_DEVICE ProductOperands<E, std::int64_t, int> operands_of(const StepArguments& a, const Track& track,
                                                               int first_row) {
  const int H = static_cast<int>(track.step.step.hidden);
  // A unit that does not exist gets the last one's sums, which nobody takes.
  const int wanted = static_cast<int>(blockIdx.x * kUnits + threadIdx.x % 32 / 4);
  const int unit = wanted < H ? wanted : H - 1;
  const std::int64_t gate = H * track.R_row;
  return {.depth = H,
          .rows = static_cast<int>(track.step.step.batch) - first_row,
          .set = gate,
          .state_row = H,
          .weights = static_cast<const E*>(track.R) + (a.first_gate * H + unit) * track.R_row,
          .states = static_cast<const E*>(a.forward.phase == 0 ? track.h : track.step.exchange) +
                    std::int64_t{first_row} * H};
}

template <class Product, int kGates, int kTiles>
using Partial = device::Compute<typename Product::E>[kMostWarps][kGates][kTiles * kTileRows][kUnits];

template <bool kVectors, class Product, int kGates, int kTiles>
RECUR_DEVICE void run_step(const StepArguments& a, Partial<Product, kGates, kTiles>& partial) {
  using E = typename Product::E;
  using A = device::Compute<E>;
  constexpr int kRows = kTiles * kTileRows;
  constexpr int kItems = kRows * kUnits;
  const Track& track = a.forward.tracks[blockIdx.z];
  const int first_row = static_cast<int>(blockIdx.y) * kRows;
  const int first_unit = static_cast<int>(blockIdx.x) * kUnits;
  const int warp = static_cast<int>(threadIdx.x / 32), warps = static_cast<int>(blockDim.x / 32);
  const int group = static_cast<int>(threadIdx.x % 32 / 4);
  // Threads that have no item read none of another block. Vectors in one tile are all the rows there are.
  constexpr bool kAllRows = kVectors && kTiles == 1;
  const auto item_of = [&](int i) {
    return Item<E, kGates>(track, a.first_gate, kAllRows || i < kItems, first_row + i / kUnits,
                           first_unit + i % kUnits);
  };

  WarpProduct<kVectors, Product, kGates, kTiles, Product::kAhead, false, std::int64_t, int> product(
      operands_of<E>(a, track, first_row));
  product.load_first_weights();
  device::wait_for_kernel_before();
  device::let_kernel_after_start();
  // What the gates of the first item read comes while the product is formed.
  Item<E, kGates> item = item_of(static_cast<int>(threadIdx.x));
  product.multiply();
  product.sums().store([&](int gate, int row, A sum) { partial[warp][gate][row][group] = sum; });
  __syncthreads();
  for (int i = static_cast<int>(threadIdx.x); i < kItems; i += static_cast<int>(blockDim.x)) {
    if (i >= static_cast<int>(blockDim.x)) item = item_of(i);
    if (!item.is_there) continue;
    A recurrent[kGates];
    RECUR_UNROLL
    for (int gate = 0; gate < kGates; ++gate) {
      recurrent[gate] = 0;
      for (int w = 0; w < warps; ++w) recurrent[gate] += partial[w][gate][i / kUnits][i % kUnits];
    }
    visit_phase<kGates>(a.forward.variant, a.forward.phase, [&]<class Cell, int kPhase>() {
      if (item.is_valid) {
        run_gates<Cell, kPhase>(track, item, recurrent);
      } else {
        skip<Cell, kPhase>(track, item);
      }
    });
  }
}

// Two blocks side by side, so that R of a step is read beside the step before. Within the registers that leaves,
// kernels of sm_90 spill nothing; newer machine code would.
template <int kTiles>
constexpr int kBlocksAtOnce = kTiles == 1 && RECUR_ARCH >= 90 && RECUR_ARCH < 100 ? 2 : 1;

template <Operands kOperands, int kGates, int kTiles, bool kVectors>
RECUR_KERNEL_OF(kMostWarps * 32, kBlocksAtOnce<kTiles>)
forward_kernel(const RECUR_GRID_CONSTANT StepArguments a) {
  using Product = typename ProductOf<kOperands>::Type;
  using A = device::Compute<typename Product::E>;
  RECUR_SHARED(A, partial, [kMostWarps][kGates][kTiles * kTileRows][kUnits]);
  run_step<kVectors, Product, kGates, kTiles>(a, partial);
}

template <Operands kOperands>
struct LaunchForward {
  using E = typename ProductOf<kOperands>::Type::E;
  const Forward& forward;
  bool dependent;
  void* stream;

  template <class Cell>
  void operator()() const {
    constexpr int kFirst = kGatesOf<Cell, 0>, kSecond = kGatesOf<Cell, 1>;
    if (forward.phase == 0) {
      if constexpr (kFirst > 0) launch<kFirst>(Cell::phase_gate(0));
    } else {
      if constexpr (kSecond > 0) launch<kSecond>(Cell::phase_gate(1));
    }
  }

  template <int kGates>
  void launch(int first_gate) const {
    // Rows that allow no vectors are read by a kernel for one batch tile, in as many blocks as there are.
    if (!can_vectorise()) return launch<kGates, 1, false>(first_gate);
    const int tiles = tiles_of(kOperands, forward.tracks[0].step.step.batch);
    if (tiles == 1) return launch<kGates, 1, true>(first_gate);
    if (tiles == 2) return launch<kGates, 2, true>(first_gate);
    if constexpr (most_tiles(kOperands) > 2) launch<kGates, most_tiles(kOperands), true>(first_gate);
  }

  bool can_vectorise() const {
    gpu_pass::Alignment alignment(16 / static_cast<int>(sizeof(E)));
    alignment.stride(forward.tracks[0].step.step.hidden);
    for (int d = 0; d < forward.directions; ++d) {
      const Track& track = forward.tracks[d];
      alignment.stride(track.R_row)
          .template pointer<E>(track.R)
          .template pointer<E>(track.h)
          .template pointer<E>(track.step.exchange);
    }
    return static_cast<bool>(alignment);
  }

  template <int kGates, int kTiles, bool kVectors>
  void launch(int first_gate) const {
    const gpu_pass::Step& step = forward.tracks[0].step.step;
    constexpr int kRows = kTiles * kTileRows;
    device::LaunchConfig config;
    config.block = dim3(static_cast<unsigned>(32 * warps_of(kOperands, step.hidden)));
    config.grid = dim3(static_cast<unsigned>((step.hidden + kUnits - 1) / kUnits),
                       static_cast<unsigned>((step.batch + kRows - 1) / kRows),
                       static_cast<unsigned>(forward.directions));
    config.dependent = dependent;
    config.stream = stream;
    const StepArguments arguments{forward, first_gate};
    RECUR_LAUNCH((forward_kernel<kOperands, kGates, kTiles, kVectors>), config, arguments);
  }
};

template <Operands kOperands>
void forward(const Forward& arguments, bool dependent, void* stream) {
  cells::visit(arguments.variant, LaunchForward<kOperands>{arguments, dependent, stream});
}

}  // namespace recur::fused
