// The product of kernels.hpp, made of register tiles. Included only by products.cpp.
//
// A tile keeps the sums of kRows rows and kVectors vectors of columns of kPanels panels in registers and
// walks the depth once: for every k it broadcasts kRows values of A and multiplies each with the vectors of
// B. It stands for
//
//     for row, column: for k: sum[row][column] = fma(a[row][k], b[k][column], sum[row][column])
//
// and gives the same bits, since every sum is one chain in order of k. The driver cuts the depth into blocks
// of kDepthBlock, adds their sums up in C in order of k, and cuts the rows into tiles of nearly equal
// heights: a tile of few sums waits for its own results. What a step of k reads is for operands.hpp to know:
// of bf16 it is two values of each row and column.
//
// Which tiles there are is a question of what compilers can hold in registers. Every tile is a function of
// its own, whose loop tests/machine_code holds against a table: no call, no vector moved to or from the
// stack.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "host/cpu/simd/kernels.hpp"
#include "host/cpu/simd/operands.hpp"
#include "host/cpu/simd/products.hpp"
#include "host/cpu/simd/unroll.hpp"
#include "host/cpu/simd/vector.hpp"

namespace recur::host::cpu::RECUR_SIMD_NAMESPACE {

// The most rows of a tile: each has an address register too.
inline constexpr int kMostRows = 8;
// As many as have their sums, broadcasts and the tile's other values in registers.
template <class E>
constexpr int most_rows(int vectors) {
  const int rows = (kRegisters - Operands<E>::kOtherRegisters) / (vectors + Operands<E>::kFactorRegisters);
  return rows > kMostRows ? kMostRows : rows;
}

// Rows up to which a tile takes several panels, to keep enough sums in flight.
inline constexpr int kFewRows = 4;
inline constexpr int kMostPanels = 8;
template <class E>
constexpr int most_panels(int vectors, int rows) {
  if (rows > kFewRows) return 1;
  const int others = Operands<E>::kOtherRegisters + Operands<E>::kFactorRegisters * rows;
  const int by_registers = (kRegisters - others) / (vectors * rows);
  const int panels = std::min({kSumsInFlight / (vectors * rows), by_registers, kMostPanels});
  return panels < 1 ? 1 : panels;
}

// The same as tables: a division takes as long as a few steps of k.
template <class E>
inline constexpr auto kMostRowsOf = [] {
  std::array<int, kMaxPanelVectors> most{};
  for (int v = 0; v < kMaxPanelVectors; ++v) most[v] = most_rows<E>(v + 1);
  return most;
}();
template <class E>
inline constexpr auto kMostPanelsOf = [] {
  std::array<std::array<int, kFewRows>, kMaxPanelVectors> most{};
  for (int v = 0; v < kMaxPanelVectors; ++v) {
    for (int r = 0; r < kFewRows; ++r) most[v][r] = most_panels<E>(v + 1, r + 1);
  }
  return most;
}();

// Values of k whose products are one chain: short chains round less, and the vectors of B that a block of
// rows reads again are still near.
inline constexpr std::int64_t kDepthBlock = 256;

// One tile. `a_offset` and `c_offset` are those of its rows; the depth is whole units.
template <class E>
struct TileArgs {
  const E* a;
  std::ptrdiff_t a_offset[kMostRows];
  std::ptrdiff_t a_column;
  const Unit<E>* b;
  std::ptrdiff_t b_row;
  std::ptrdiff_t b_panel;
  Arithmetic<E>* c;
  std::ptrdiff_t c_offset[kMostRows];
  std::ptrdiff_t c_panel;
  std::int64_t depth;
  bool accumulate;
};

// Keeps a value in a register of its own. g++ would read a vector of B anew from memory for each of two or
// three rows, which the ports for loads cannot keep up with; clang does not.
template <class Raw>
HWY_INLINE void hold([[maybe_unused]] Raw& raw) {
#if HWY_COMPILER_CLANG
#elif HWY_ARCH_X86 && defined(__AVX512F__)
  asm("" : "+v"(raw));
#elif HWY_ARCH_X86
  asm("" : "+x"(raw));
#elif HWY_ARCH_ARM_A64
  asm("" : "+w"(raw));
#endif
}

template <class E, int kVectors, int kRows, int kPanels>
HWY_NOINLINE void product_tile(const TileArgs<E>& p) {
  using V = Vec<Arithmetic<E>>;
  using O = Operands<E>;
  constexpr std::int64_t kLanes = V::kLanes;
  constexpr int kWidth = kPanels * kVectors;
  constexpr std::int64_t kUnitDepth = StorageTraits<E>::kUnitDepth;

  const E* a[kRows];
  unroll<kRows>([&](auto m) RECUR_INLINE_LAMBDA { a[m] = p.a + p.a_offset[m]; });
  const Unit<E>* HWY_RESTRICT b = p.b;
  const std::ptrdiff_t b_row = p.b_row, b_panel = p.b_panel, step = kUnitDepth * p.a_column;
  std::ptrdiff_t at = 0;  // of the next value of every row of A

  // Without a constructor: g++ would clear them by a loop, in memory.
  typename V::Raw sum[kRows][kWidth];
  unroll<kRows>([&](auto m) RECUR_INLINE_LAMBDA {
    unroll<kWidth>([&](auto i) RECUR_INLINE_LAMBDA { sum[m][i] = V().raw; });
  });
  for (std::int64_t units = p.depth / kUnitDepth; units > 0; --units) {
    typename O::Factor left[kRows];
    unroll<kRows>([&](auto m) RECUR_INLINE_LAMBDA { left[m] = O::factor(a[m] + at); });
    unroll<kWidth>([&](auto i) RECUR_INLINE_LAMBDA {
      auto right = Vec<Unit<E>>::load(b + (i / kVectors) * b_panel + (i % kVectors) * kLanes);
      if constexpr (kRows > 1) hold(right.raw.raw);
      unroll<kRows>([&](auto m)
                        RECUR_INLINE_LAMBDA { sum[m][i] = O::multiply_add(left[m], right, sum[m][i]).raw; });
    });
    at += step;
    b += b_row;
  }

  unroll<kRows>([&](auto m) RECUR_INLINE_LAMBDA {
    unroll<kWidth>([&](auto i) RECUR_INLINE_LAMBDA {
      Arithmetic<E>* const to = p.c + p.c_offset[m] + (i / kVectors) * p.c_panel + (i % kVectors) * kLanes;
      V value(sum[m][i]);
      if (p.accumulate) value = V::load(to) + value;
      value.store(to);
    });
  });
}

static_assert(kMaxPanelVectors * sizeof(Vec<float>) <= kMostPanelBytes);

// The tiles by vectors, rows and panels, each less one; null where registers do not suffice.
template <class E>
using TileTable = std::array<std::array<std::array<void (*)(const TileArgs<E>&), kMostPanels>, kMostRows>,
                             kMaxPanelVectors>;
template <class E>
constexpr TileTable<E> make_tiles() {
  TileTable<E> tiles{};
  unroll<kMaxPanelVectors>([&](auto v) {
    unroll<most_rows<E>(v + 1)>([&](auto r) {
      unroll<most_panels<E>(v + 1, r + 1)>(
          [&](auto p) { tiles[v][r][p] = &product_tile<E, v + 1, r + 1, p + 1>; });
    });
  });
  return tiles;
}

template <class E>
void product(const ProductArgs<E>& p) {
  constexpr std::int64_t kUnitDepth = StorageTraits<E>::kUnitDepth;
  static constexpr TileTable<E> kTiles = make_tiles<E>();
  constexpr std::int64_t kLanes = Vec<Arithmetic<E>>::kLanes;
  if (p.rows == 0 || p.panels == 0) return;
  const int vectors = static_cast<int>(p.columns / kLanes);
  const Split blocks(p.rows, kMostRowsOf<E>[vectors - 1]);
  const bool few_rows = blocks.parts == 1 && p.rows <= kFewRows;
  const Split groups(p.panels, few_rows ? kMostPanelsOf<E>[vectors - 1][p.rows - 1] : 1);

  TileArgs<E> tile;
  tile.a_column = p.a_column;
  tile.b_row = p.b_row;
  tile.b_panel = p.b_panel;
  tile.c_panel = p.c_panel;
  for (std::int64_t group = 0; group < groups.parts; ++group) {
    const std::int64_t panel = groups.begin(group);
    const std::int64_t panels = groups.size_of(group);
    tile.c = p.c + panel * p.c_panel;
    std::int64_t k = 0;
    do {
      // The last value of k of a depth that is not whole units is a block of its own.
      const std::int64_t left = p.depth - k;
      const std::int64_t depth =
          left < kUnitDepth ? left : std::min(kDepthBlock, left / kUnitDepth * kUnitDepth);
      tile.depth = (depth + kUnitDepth - 1) / kUnitDepth * kUnitDepth;
      tile.accumulate = p.accumulate || k > 0;
      tile.b = p.b + panel * p.b_panel + k / kUnitDepth * p.b_row;
      for (std::int64_t block = 0; block < blocks.parts; ++block) {
        const std::int64_t first = blocks.begin(block);
        const std::int64_t rows = blocks.size_of(block);
        E padded[kMostRows][kUnitDepth] = {};
        tile.a = p.a + k * p.a_column;
        for (std::int64_t m = 0; m < rows; ++m) {
          const std::int64_t row = first + m;
          tile.a_offset[m] = (p.a_rows != nullptr ? p.a_rows[row] : row) * p.a_row;
          tile.c_offset[m] = (p.c_rows != nullptr ? p.c_rows[row] : row) * p.c_row;
          if (depth == tile.depth) continue;
          padded[m][0] = tile.a[tile.a_offset[m]];
          tile.a_offset[m] = m * kUnitDepth;
        }
        if (depth != tile.depth) tile.a = &padded[0][0];
        kTiles[static_cast<std::size_t>(vectors - 1)][static_cast<std::size_t>(rows - 1)]
              [static_cast<std::size_t>(panels - 1)](tile);
      }
      k += depth;
    } while (k < p.depth);
  }
}

}  // namespace recur::host::cpu::RECUR_SIMD_NAMESPACE
