// The product of kernels.hpp, as register tiles. Included only by kernels.cpp.
//
// A tile keeps kRows x kVectors sums in registers and walks the depth once: per k it broadcasts kRows values
// of A and multiplies each with kVectors vectors of B. It stands for
//
//     for row, column: for k: c[row][column] = fma(a[row][k], b[k][column], c[row][column])
//
// and gives the same bits, because every sum is one chain in order of k.
#pragma once

#include <utility>

#include "host/cpu/simd/kernels.hpp"
#include "host/cpu/simd/vector.hpp"

namespace recur::host::cpu::HWY_NAMESPACE {

// Calls f(integral_constant 0), ... f(integral_constant kCount - 1): an unrolled loop.
template <int kCount, class F>
HWY_INLINE void unroll(F&& f) {
  [&]<int... I>(std::integer_sequence<int, I...>) HWY_ATTR { (f(std::integral_constant<int, I>{}), ...); }
  (std::make_integer_sequence<int, kCount>{});
}

// AVX-512 and NEON have 32 vector registers, the others 16.
#if HWY_TARGET <= HWY_AVX3 || HWY_ARCH_ARM_A64
inline constexpr int kRegisters = 32;
#else
inline constexpr int kRegisters = 16;
#endif
// Widest tile: of the shapes that fill the registers, those of as many rows as vectors read the least for
// each multiplication. 4 rows x 6 and 6 x 4 reach 125 and 117 GFLOP/s on a Zen 4 core, 3 x 8 only 97
// (docs/cpu-performance.md).
inline constexpr int kMaxPanelVectors = kRegisters == 32 ? 6 : 4;

// Rows of a tile: its sums, one broadcast per row and one vector of B must fit in the registers.
constexpr int tile_rows(int vectors) {
  const int rows = (kRegisters - 1) / (vectors + 1);
  return rows > 8 ? 8 : rows;
}

template <class T, int kVectors, int kRows>
HWY_INLINE void product_tile(const ProductArgs<T>& p, const T* HWY_RESTRICT a, const T* HWY_RESTRICT b,
                             T* HWY_RESTRICT c, std::int64_t count) {
  using V = Vec<T>;
  constexpr std::int64_t kLanes = V::kLanes;
  // `count` is below a vector's lanes only for the last, ragged vector of a row.
  const auto load_b = [&](const T* from)
                          HWY_ATTR { return kVectors == 1 ? V::load(from, count) : V::load(from); };

  V sum[kRows][kVectors];
  if (p.accumulate) {
    unroll<kRows>([&](auto m) HWY_ATTR {
      unroll<kVectors>([&](auto v) HWY_ATTR { sum[m][v] = load_b(c + m * p.c_row + v * kLanes); });
    });
  }
  for (std::int64_t k = 0; k < p.depth; ++k) {
    V left[kRows];
    unroll<kRows>([&](auto m) HWY_ATTR { left[m] = V(a[m * p.a_row]); });
    unroll<kVectors>([&](auto v) HWY_ATTR {
      const V right = load_b(b + v * kLanes);
      unroll<kRows>([&](auto m)
                        HWY_ATTR { sum[m][v] = V(hn::MulAdd(left[m].raw, right.raw, sum[m][v].raw)); });
    });
    a += p.a_column;
    b += p.b_row;
  }
  unroll<kRows>([&](auto m) HWY_ATTR {
    unroll<kVectors>([&](auto v) HWY_ATTR {
      T* to = c + m * p.c_row + v * kLanes;
      if constexpr (kVectors == 1) {
        sum[m][v].store(to, count);
      } else {
        sum[m][v].store(to);
      }
    });
  });
}

// All rows of `kVectors` vectors of columns starting at `column`.
template <class T, int kVectors>
HWY_NOINLINE void product_columns(const ProductArgs<T>& p, std::int64_t column, std::int64_t count) {
  constexpr int kRows = tile_rows(kVectors);
  const T* a = p.a;
  T* c = p.c + column;
  std::int64_t rows = p.rows;
  for (; rows >= kRows; rows -= kRows) {
    product_tile<T, kVectors, kRows>(p, a, p.b + column, c, count);
    a += kRows * p.a_row;
    c += kRows * p.c_row;
  }
  unroll<kRows>([&](auto left) HWY_ATTR {
    if constexpr (left > 0) {
      if (rows == left) product_tile<T, kVectors, left>(p, a, p.b + column, c, count);
    }
  });
}

template <class T>
void product(const ProductArgs<T>& p) {
  constexpr std::int64_t kLanes = Vec<T>::kLanes;
  std::int64_t column = 0;
  while (column < p.columns) {
    const std::int64_t left = p.columns - column;
    const std::int64_t vectors = left / kLanes;
    int taken = 1;
    if (vectors <= 1) {
      product_columns<T, 1>(p, column, left);
    } else {
      unroll<kMaxPanelVectors + 1>([&](auto v) HWY_ATTR {
        if constexpr (v >= 2) {
          if (v == vectors || (v == kMaxPanelVectors && vectors > v)) {
            product_columns<T, v>(p, column, kLanes);
            taken = v;
          }
        }
      });
    }
    column += taken * kLanes;
  }
}

}  // namespace recur::host::cpu::HWY_NAMESPACE
