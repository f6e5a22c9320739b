// A step of backward in one kernel: the product of dgates of the step visited before with R, and the gates' backward as its
// epilogue. With the product last, it would need the dgates of all blocks and so another kernel.
//
// | who                     | does                                                                               |
// |-------------------------|------------------------------------------------------------------------------------|
// | a block                 | 16 units, up to 32 rows of the batch, one direction                                  |
// | a warp                  | every warps-th chunk of the depth, which is that of all gates of the phase              |
// | a thread, in the end    | adds the warps' sums for one unit of one row in the order of warps, and runs its gates |
//
// Each step writes rows of dgates of its own, and reads those of another step, so they need no second buffer. dh, dc and
// the sums of the peepholes' gradients are the thread's own.
#pragma once

#include "kernels/device/dependent_launch.cuh"
#include "kernels/fused/backward_gates.cuh"
#include "kernels/fused/warp_product.cuh"

namespace recur::fused {

struct BackwardArguments {
  Backward backward;
  std::int64_t first_column;  // of dgates and of R, transposed: that of the first gate of the product
  int depth;                  // columns of the product
  int values;                 // that the cell saved
};

// Operands of this lane: columns of R of its units, two sets of them, and rows of dgates.
template <class E>
RECUR_DEVICE ProductOperands<E, int, std::int64_t> operands_of(const BackwardArguments& a,
                                                               const BackwardTrack& track, int first_row) {
  const gpu_pass::BackwardStep& step = track.step;
  const int H = static_cast<int>(step.step.hidden);
  // Units that do not exist get the last one's sums, which nobody takes.
  const auto unit = [&](int set) {
    const int wanted = static_cast<int>(blockIdx.x * kBackwardUnits + set * kUnits + threadIdx.x % 32 / 4);
    return std::int64_t{wanted < H ? wanted : H - 1};
  };
  // Phase 0 is led to by the step visited before, which forward visited after this one; phase 1 by phase 0.
  const std::int64_t t = a.backward.phase == 0 ? step.step.timeline.order().next(step.step.t) : step.step.t;
  return {.depth = a.depth,
          .rows = static_cast<int>(step.step.batch) - first_row,
          .set = static_cast<int>((unit(1) - unit(0)) * track.R_row),
          .state_row = step.dgates.batch,
          .weights = static_cast<const E*>(track.R) + unit(0) * track.R_row + a.first_column,
          .states = row_of<E>(step.dgates, t, first_row, a.first_column)};
}

// A block has half as many rows of R as one of forward, of four gates, and holds twice as many chunks of them.
template <Operands kOperands>
inline constexpr int kBackwardAhead = 2 * ProductOf<kOperands>::Type::kAhead;

template <int kTiles>
using BackwardPartial = float[kMostWarps][kBackwardSets][kTiles * kTileRows][kUnits];

template <Operands kOperands, bool kVectors, class Product, int kTiles>
RECUR_DEVICE void run_backward_step(const BackwardArguments& a, BackwardPartial<kTiles>& partial) {
  using E = typename Product::E;
  constexpr int kRows = kTiles * kTileRows;
  constexpr int kItems = kRows * kBackwardUnits;
  const BackwardTrack& track = a.backward.tracks[blockIdx.z];
  const int phase = a.backward.phase;
  const int first_row = static_cast<int>(blockIdx.y) * kRows;
  const int first_unit = static_cast<int>(blockIdx.x) * kBackwardUnits;
  const int warp = static_cast<int>(threadIdx.x / 32), warps = static_cast<int>(blockDim.x / 32);
  const int group = static_cast<int>(threadIdx.x % 32 / 4);
  // Threads that have no item read none of another block. Vectors in one tile are all the rows there are.
  constexpr bool kAllRows = kVectors && kTiles == 1;
  const auto item_of = [&](int i) {
    return BackwardItem<E>(track, phase, a.values, kAllRows || i < kItems, first_row + i / kBackwardUnits,
                           first_unit + i % kBackwardUnits);
  };

  // What the gates of the first item read comes while the product is formed. Before R: what finds its places needs registers.
  BackwardItem<E> item = item_of(static_cast<int>(threadIdx.x));
  WarpProduct<kVectors, Product, kBackwardSets, kTiles, kBackwardAhead<kOperands>, true, int, std::int64_t>
      product(operands_of<E>(a, track, first_row));
  product.load_first_weights();
  device::wait_for_kernel_before();
  device::let_kernel_after_start();
  item.load_carry(track);
  product.multiply();
  product.sums().store([&](int set, int row, float sum) { partial[warp][set][row][group] = sum; });
  __syncthreads();
  for (int i = static_cast<int>(threadIdx.x); i < kItems; i += static_cast<int>(blockDim.x)) {
    if (i >= static_cast<int>(blockDim.x)) {
      item = item_of(i);
      item.load_carry(track);
    }
    if (!item.is_there) continue;
    float sum = 0;
    for (int w = 0; w < warps; ++w)
      sum += partial[w][i % kBackwardUnits / kUnits][i / kBackwardUnits][i % kUnits];
    const auto run = [&]<class Cell, int kPhase>() {
      if (item.is_valid) {
        run_gates_backward<Cell, kPhase>(track, item, sum);
      } else {
        skip_backward<Cell, kPhase>(track, item, sum);
      }
    };
    if (phase == 0) {
      visit_cell<0>(a.backward.variant, [&]<class Cell>() { run.template operator()<Cell, 0>(); });
    } else {
      visit_cell<1>(a.backward.variant, [&]<class Cell>() { run.template operator()<Cell, 1>(); });
    }
  }
}

// As kBlocksAtOnce of forward.
template <int kTiles>
constexpr int kBackwardBlocksAtOnce = kTiles == 1 && RECUR_ARCH >= 90 && RECUR_ARCH < 100 ? 2 : 1;

template <Operands kOperands, int kTiles, bool kVectors>
RECUR_KERNEL_OF(kMostWarps * 32, kBackwardBlocksAtOnce<kTiles>)
backward_kernel(const RECUR_GRID_CONSTANT BackwardArguments a) {
  using Product = typename ProductOf<kOperands>::Type;
  RECUR_SHARED(float, partial, [kMostWarps][kBackwardSets][kTiles * kTileRows][kUnits]);
  run_backward_step<kOperands, kVectors, Product, kTiles>(a, partial);
}

template <Operands kOperands>
struct LaunchBackward {
  using E = typename ProductOf<kOperands>::Type::E;
  const BackwardArguments& arguments;
  bool dependent;
  void* stream;

  void operator()() const {
    static_assert(kBackwardAhead<kOperands> == backward_chunks_ahead(kOperands));
    // Rows that allow no vectors are read by a kernel for one batch tile, in as many blocks as there are.
    if (!can_vectorise()) return launch<1, false>();
    const int tiles = tiles_of(kOperands, step().batch);
    if (tiles == 1) return launch<1, true>();
    if (tiles == 2) return launch<2, true>();
    if constexpr (most_tiles(kOperands) > 2) launch<most_tiles(kOperands), true>();
  }

  const gpu_pass::Step& step() const { return arguments.backward.tracks[0].step.step; }

  bool can_vectorise() const {
    gpu_pass::Alignment alignment(16 / static_cast<int>(sizeof(E)));
    alignment.stride(step().hidden);
    for (int d = 0; d < arguments.backward.directions; ++d) {
      const BackwardTrack& track = arguments.backward.tracks[d];
      alignment.stride(track.R_row).template pointer<E>(track.R).template rows<E>(track.step.dgates);
    }
    return static_cast<bool>(alignment);
  }

  template <int kTiles, bool kVectors>
  void launch() const {
    constexpr int kRows = kTiles * kTileRows;
    const std::int64_t depth = step().hidden * cells::traits_of(arguments.backward.variant).gates;
    device::LaunchConfig config;
    config.block = dim3(static_cast<unsigned>(32 * warps_of(kOperands, depth)));
    config.grid = dim3(static_cast<unsigned>((step().hidden + kBackwardUnits - 1) / kBackwardUnits),
                       static_cast<unsigned>((step().batch + kRows - 1) / kRows),
                       static_cast<unsigned>(arguments.backward.directions));
    config.dependent = dependent;
    config.stream = stream;
    RECUR_LAUNCH((backward_kernel<kOperands, kTiles, kVectors>), config, arguments);
  }
};

template <Operands kOperands>
void backward(const Backward& arguments, bool dependent, void* stream) {
  const cells::Traits traits = cells::traits_of(arguments.variant);
  const std::int64_t H = arguments.tracks[0].step.step.hidden;
  // Phase 1 of forward multiplied what phase 0 exchanged, whose gradient comes through R of its gates; h reached the
  // gates of phase 0 alone.
  const int first = arguments.phase == 0 ? 0 : traits.phase_gate[1];
  const int end = arguments.phase == 0 ? traits.phase_gate[1] : traits.gates;
  const BackwardArguments all{
      arguments, first * H, arguments.first && arguments.phase == 0 ? 0 : static_cast<int>((end - first) * H),
      traits.saved};
  LaunchBackward<kOperands>{all, dependent, stream}();
}

constexpr int kTransposed = 32;  // rows and columns of a block

template <class E>
RECUR_KERNEL(kTransposed * 8)
transpose_R_kernel(TransposeR a) {
  RECUR_SHARED(E, tile, [kTransposed][kTransposed + 1]);
  const std::int64_t H = a.hidden;
  const int block = static_cast<int>(blockIdx.z);  // of dgates
  const int gate = a.split_gate < 0 ? block : (block == 0 ? a.split_gate : block - 1);
  const std::int64_t first_row = std::int64_t{blockIdx.y} * kTransposed;
  const std::int64_t first_column = std::int64_t{blockIdx.x} * kTransposed;
  const E* const from = static_cast<const E*>(a.R) + gate * H * a.R_row;
  E* const to = static_cast<E*>(a.to) + block * H;
  for (int i = static_cast<int>(threadIdx.y); i < kTransposed; i += static_cast<int>(blockDim.y)) {
    const std::int64_t row = first_row + i, column = first_column + threadIdx.x;
    if (row < H && column < H) tile[i][threadIdx.x] = from[row * a.R_row + column];
  }
  __syncthreads();
  for (int i = static_cast<int>(threadIdx.y); i < kTransposed; i += static_cast<int>(blockDim.y)) {
    const std::int64_t row = first_row + threadIdx.x, column = first_column + i;
    if (row < H && column < H) to[column * a.gates * H + row] = tile[threadIdx.x][i];
  }
}

template <Operands kOperands>
void transpose_R(const TransposeR& arguments, void* stream) {
  using E = typename ProductOf<kOperands>::Type::E;
  device::LaunchConfig config;
  config.block = dim3(kTransposed, 8);
  const auto tiles = static_cast<unsigned>((arguments.hidden + kTransposed - 1) / kTransposed);
  config.grid = dim3(tiles, tiles, static_cast<unsigned>(arguments.gates));
  config.stream = stream;
  RECUR_LAUNCH(transpose_R_kernel<E>, config, arguments);
}

}  // namespace recur::fused
