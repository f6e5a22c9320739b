// The product of kernels.hpp, as register tiles. Included only by kernels.cpp.
//
// A tile keeps kRows x kVectors sums in registers and walks the depth once: per k it broadcasts kRows values
// of A and multiplies each with kVectors vectors of B. It stands for
//
//     for row, column: for k: c[row][column] = fma(a[row][k], b[k][column], c[row][column])
//
// and gives the same bits, because every sum is one chain in order of k. Where rows are few, a tile takes
// columns of several panels, since the chains of one would be too few to keep the processor busy. What a step
// of k reads is for operands.hpp to know: of bf16 it is two values of each row and column.
#pragma once

#include <type_traits>
#include <utility>

#include "host/cpu/simd/kernels.hpp"
#include "host/cpu/simd/operands.hpp"
#include "host/cpu/simd/vector.hpp"

namespace recur::host::cpu::RECUR_SIMD_NAMESPACE {

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
// (docs/performance.md).
inline constexpr int kMaxPanelVectors = kRegisters == 32 ? 6 : 4;

// Rows of a tile: its sums, one broadcast per row and one vector of B must fit in the registers.
constexpr int tile_rows(int vectors) {
  const int rows = (kRegisters - 1) / (vectors + 1);
  return rows > 8 ? 8 : rows;
}

// Rows up to which a tile takes several panels, to keep enough sums in flight.
inline constexpr int kFewRows = 3;
constexpr int panels_at_once(int vectors, int rows) {
  const int panels = kSumsInFlight / (vectors * rows);
  return panels < 1 ? 1 : panels > 8 ? 8 : panels;
}

// The last, ragged vector of a row has `count` lanes, all others are whole.
template <class T, int kVectors, int kRows, int kPanels, bool kRagged>
HWY_INLINE void product_tile(const ProductArgs<T>& p, const T* HWY_RESTRICT a, const Unit<T>* HWY_RESTRICT b,
                             Arithmetic<T>* HWY_RESTRICT c, std::int64_t count) {
  static_assert(!kRagged || (kVectors == 1 && kPanels == 1));
  using V = Vec<Arithmetic<T>>;
  using O = Operands<T>;
  constexpr std::int64_t kLanes = V::kLanes;
  constexpr int kWidth = kPanels * kVectors;
  const auto load = [&](const auto* from) HWY_ATTR {
    using From = Vec<std::remove_cvref_t<decltype(*from)>>;
    if constexpr (kRagged) return From::load_part(from, count);
    return From::load(from);
  };
  // Vector i of a row, of B and of C.
  const auto in_b = [&](int i) { return (i / kVectors) * p.b_panel + (i % kVectors) * kLanes; };
  const auto in_c = [&](int i) { return (i / kVectors) * p.c_panel + (i % kVectors) * kLanes; };

  V sum[kRows][kWidth];
  // One unit of depth; the last may have fewer values of A.
  const auto add = [&](auto whole) HWY_ATTR {
    unroll<O::kParts>([&](auto part) HWY_ATTR {
      typename O::Factor left[kRows];
      unroll<kRows>([&](auto m) HWY_ATTR { left[m] = O::template left<part, whole>(a + m * p.a_row); });
      unroll<kWidth>([&](auto i) HWY_ATTR {
        const auto right = O::template right<part>(load(b + in_b(i)));
        unroll<kRows>([&](auto m) HWY_ATTR { sum[m][i] = O::multiply_add(left[m], right, sum[m][i]); });
      });
    });
  };
  constexpr std::int64_t kDepth = StorageTraits<T>::kUnitDepth;
  for (std::int64_t k = 0; k < p.depth / kDepth; ++k) {
    add(std::true_type());
    a += kDepth * p.a_column;
    b += p.b_row;
  }
  if constexpr (kDepth > 1) {
    if (p.depth % kDepth != 0) add(std::false_type());
  }
  if (p.accumulate) {
    unroll<kRows>([&](auto m) HWY_ATTR {
      unroll<kWidth>([&](auto i) HWY_ATTR { sum[m][i] = load(c + m * p.c_row + in_c(i)) + sum[m][i]; });
    });
  }
  unroll<kRows>([&](auto m) HWY_ATTR {
    unroll<kWidth>([&](auto i) HWY_ATTR {
      Arithmetic<T>* to = c + m * p.c_row + in_c(i);
      if constexpr (kRagged) {
        sum[m][i].store(to, count);
      } else {
        sum[m][i].store(to);
      }
    });
  });
}

// All rows of `kVectors` vectors of columns, of one panel.
template <class T, int kVectors, bool kRagged>
HWY_NOINLINE void product_columns(const ProductArgs<T>& p, const Unit<T>* b, Arithmetic<T>* c,
                                  std::int64_t count) {
  constexpr int kRows = tile_rows(kVectors);
  const T* a = p.a;
  std::int64_t rows = p.rows;
  for (; rows >= kRows; rows -= kRows) {
    product_tile<T, kVectors, kRows, 1, kRagged>(p, a, b, c, count);
    a += kRows * p.a_row;
    c += kRows * p.c_row;
  }
  unroll<kRows>([&](auto left) HWY_ATTR {
    if constexpr (left > 0) {
      if (rows == left) product_tile<T, kVectors, left, 1, kRagged>(p, a, b, c, count);
    }
  });
}

// One panel of any width.
template <class T>
void product_panel(const ProductArgs<T>& p, const Unit<T>* b, Arithmetic<T>* c) {
  constexpr std::int64_t kLanes = Vec<Arithmetic<T>>::kLanes;
  std::int64_t column = 0;
  while (column < p.columns) {
    const std::int64_t left = p.columns - column;
    const std::int64_t vectors = left / kLanes;
    int taken = 1;
    if (vectors == 0) {
      product_columns<T, 1, true>(p, b + column, c + column, left);
    } else {
      unroll<kMaxPanelVectors + 1>([&](auto v) HWY_ATTR {
        if constexpr (v >= 1) {
          if (v == vectors || (v == kMaxPanelVectors && vectors > v)) {
            product_columns<T, v, false>(p, b + column, c + column, kLanes);
            taken = v;
          }
        }
      });
    }
    column += taken * kLanes;
  }
}

// Few rows of panels of `kVectors` vectors, as many panels at once as keep enough sums in flight.
template <class T, int kVectors, int kRows>
HWY_NOINLINE void product_few_rows(const ProductArgs<T>& p) {
  constexpr int kPanels = panels_at_once(kVectors, kRows);
  const Unit<T>* b = p.b;
  Arithmetic<T>* c = p.c;
  std::int64_t panels = p.panels;
  for (; panels >= kPanels; panels -= kPanels) {
    product_tile<T, kVectors, kRows, kPanels, false>(p, p.a, b, c, 0);
    b += kPanels * p.b_panel;
    c += kPanels * p.c_panel;
  }
  unroll<kPanels>([&](auto left) HWY_ATTR {
    if constexpr (left > 0) {
      if (panels == left) product_tile<T, kVectors, kRows, left, false>(p, p.a, b, c, 0);
    }
  });
}

template <class T>
void product(const ProductArgs<T>& p) {
  constexpr std::int64_t kLanes = Vec<Arithmetic<T>>::kLanes;
  const std::int64_t vectors = p.columns / kLanes;
  if (p.panels > 1 && p.rows <= kFewRows && vectors <= kMaxPanelVectors && vectors * kLanes == p.columns) {
    unroll<kFewRows>([&](auto row) HWY_ATTR {
      unroll<kMaxPanelVectors>([&](auto vector) HWY_ATTR {
        if (p.rows == row + 1 && vectors == vector + 1) product_few_rows<T, vector + 1, row + 1>(p);
      });
    });
    return;
  }
  for (std::int64_t panel = 0; panel < p.panels; ++panel) {
    product_panel(p, p.b + panel * p.b_panel, p.c + panel * p.c_panel);
  }
}

}  // namespace recur::host::cpu::RECUR_SIMD_NAMESPACE
