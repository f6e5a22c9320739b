// The product kernel: every tile, every ragged edge, every stride, bit for bit one chain in order of k.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "engines/simd_names.hpp"
#include "support/random.hpp"
#include "support/storage.hpp"

namespace recur::test {
namespace {

using host::cpu::Kernels;
using host::cpu::ProductArgs;

// Sets without a fused multiply-add round the product and the sum.
bool is_fused(const std::string& simd) {
  return simd != "SSE4" && simd != "SSSE3" && simd != "SSE2" && simd != "EMU128" && simd != "SCALAR";
}

// Written so that no compiler fuses what must not be.
template <class T>
T multiply_add(bool fused, T a, T b, T c) {
  if (fused) return std::fma(a, b, c);
  const volatile T product = a * b;
  return product + c;
}

template <class T>
std::vector<T> random_values(std::size_t count, std::uint64_t stream) {
  Random random(5, stream);
  std::vector<T> values(count);
  for (T& value : values) value = static_cast<T>(random.symmetric(1));
  return values;
}

// Two tiles of panels, of which one takes 8 at most, and one more; rows enough for several heights of a tile.
constexpr std::int64_t kMostPanels = 17;
constexpr std::int64_t kMostPanelRows = 5;
constexpr std::int64_t kPanelGap = 3;  // elements between panels

// Several panels in one call are what they are one by one, for every number of them and of rows.
template <class Stored, class Packed>
void expect_panels(const Kernels<Stored>& k, const Stored* a, std::int64_t depth,
                   const std::vector<Packed>& b, std::int64_t b_panel, std::int64_t columns) {
  using Sum = host::cpu::Arithmetic<Stored>;
  for (std::int64_t rows = 1; rows <= kMostPanelRows; ++rows) {
    for (std::int64_t panels = 1; panels <= kMostPanels; ++panels) {
      const std::int64_t c_panel = rows * columns + kPanelGap;
      std::vector<Sum> c = random_values<Sum>(static_cast<std::size_t>(panels * c_panel), 8);
      std::vector<Sum> expected = c;
      ProductArgs<Stored> args{.a = a,
                               .a_row = depth,
                               .a_column = 1,
                               .b = b.data(),
                               .b_row = columns,
                               .c = c.data(),
                               .c_row = columns,
                               .rows = rows,
                               .columns = columns,
                               .depth = depth,
                               .accumulate = panels % 2 == 0,
                               .panels = panels,
                               .b_panel = b_panel,
                               .c_panel = c_panel};
      k.product(args);
      args.panels = 1;
      for (std::int64_t panel = 0; panel < panels; ++panel) {
        args.b = b.data() + panel * b_panel;
        args.c = expected.data() + panel * c_panel;
        k.product(args);
      }
      ASSERT_EQ(std::memcmp(c.data(), expected.data(), c.size() * sizeof(Sum)), 0)
          << rows << " rows, " << panels << " panels of " << columns;
    }
  }
}

class Product : public ::testing::TestWithParam<std::string> {
 protected:
  template <class T>
  const Kernels<T>& kernels() const {
    return host::cpu::kernels_of<T>(*host::cpu::find_target(GetParam()));
  }

  // Tiles have up to 8 rows, so 20 are two of them and a rest of each height; columns reach past two of the
  // widest panels with every number of vectors and a ragged end.
  static constexpr std::int64_t kRows = 20;

  template <class T>
  void check_shapes(std::int64_t depth, bool accumulate, bool transposed_a, std::int64_t gap) {
    const Kernels<T>& k = kernels<T>();
    const std::int64_t most_columns = 2 * k.max_panel_vectors * k.lanes + 3;
    const std::int64_t a_row = transposed_a ? 1 : depth + gap;
    const std::int64_t a_column = transposed_a ? kRows + gap : 1;
    const auto a_size =
        static_cast<std::size_t>((kRows - 1) * a_row + std::max<std::int64_t>(depth - 1, 0) * a_column + 1);
    const std::vector<T> a = random_values<T>(a_size, 1);
    const std::vector<T> b_values =
        random_values<T>(static_cast<std::size_t>(std::max<std::int64_t>(depth, 1) * most_columns), 2);
    const std::vector<T> c_values = random_values<T>(static_cast<std::size_t>(kRows * most_columns), 3);

    // The chain of each element, once for all shapes: it may depend on none.
    std::vector<T> expected(static_cast<std::size_t>(kRows * most_columns));
    const bool fused = is_fused(GetParam());
    for (std::int64_t row = 0; row < kRows; ++row) {
      for (std::int64_t column = 0; column < most_columns; ++column) {
        const auto at = static_cast<std::size_t>(row * most_columns + column);
        T sum(0);
        for (std::int64_t i = 0; i < depth; ++i) {
          sum = multiply_add(fused, a[static_cast<std::size_t>(row * a_row + i * a_column)],
                             b_values[static_cast<std::size_t>(i * most_columns + column)], sum);
        }
        expected[at] = accumulate ? c_values[at] + sum : sum;
      }
    }

    for (std::int64_t columns = 1; columns <= most_columns; ++columns) {
      // Exactly as many elements as may be read, so that a sanitizer sees one more.
      const std::int64_t b_row = columns + gap;
      std::vector<T> b(static_cast<std::size_t>(std::max<std::int64_t>(depth - 1, 0) * b_row + columns));
      for (std::int64_t i = 0; i < depth; ++i) {
        for (std::int64_t j = 0; j < columns; ++j) {
          b[static_cast<std::size_t>(i * b_row + j)] =
              b_values[static_cast<std::size_t>(i * most_columns + j)];
        }
      }
      // All heights at a few widths of every kind would do; the cheap depth takes them all.
      for (std::int64_t rows = 1; rows <= kRows; ++rows) {
        const std::int64_t c_row = columns + gap;
        const T poison = T(-77);
        std::vector<T> c(static_cast<std::size_t>((rows - 1) * c_row + columns), poison);
        for (std::int64_t row = 0; row < rows; ++row) {
          for (std::int64_t j = 0; j < columns; ++j) {
            c[static_cast<std::size_t>(row * c_row + j)] =
                accumulate ? c_values[static_cast<std::size_t>(row * most_columns + j)]
                           : std::numeric_limits<T>::quiet_NaN();
          }
        }
        k.product({.a = a.data(),
                   .a_row = a_row,
                   .a_column = a_column,
                   .b = b.data(),
                   .b_row = b_row,
                   .c = c.data(),
                   .c_row = c_row,
                   .rows = rows,
                   .columns = columns,
                   .depth = depth,
                   .accumulate = accumulate});
        for (std::int64_t row = 0; row < rows; ++row) {
          const T* got = c.data() + row * c_row;
          const T* want = expected.data() + row * most_columns;
          if (std::memcmp(got, want, static_cast<std::size_t>(columns) * sizeof(T)) != 0) {
            FAIL() << "row " << row << " of " << rows << " x " << columns << ", depth " << depth;
          }
          for (std::int64_t j = columns; row + 1 < rows && j < c_row; ++j) {
            ASSERT_EQ(got[j], poison) << "written between rows, " << rows << " x " << columns;
          }
        }
      }
    }
  }

  template <class T>
  void check_all() {
    for (bool accumulate : {false, true}) {
      for (bool transposed_a : {false, true}) {
        for (std::int64_t gap : {0, 3}) {
          check_shapes<T>(5, accumulate, transposed_a, gap);
          if (HasFailure()) return;
        }
      }
    }
    check_shapes<T>(1, false, false, 0);
  }

  // The order of k over many steps: sums whose value depends on it.
  template <class T>
  void check_order(std::int64_t depth) {
    const Kernels<T>& k = kernels<T>();
    const std::int64_t columns = k.lanes + 1;
    Random random(11);
    std::vector<T> a(static_cast<std::size_t>(3 * depth));
    std::vector<T> b(static_cast<std::size_t>(depth * columns));
    // Of very different sizes, so that another order gives other bits.
    for (T& value : a)
      value = static_cast<T>(random.symmetric(1) * std::exp2(static_cast<double>(random.integer(-10, 10))));
    for (T& value : b) value = static_cast<T>(random.symmetric(1));
    std::vector<T> c(static_cast<std::size_t>(3 * columns));
    k.product({.a = a.data(),
               .a_row = depth,
               .a_column = 1,
               .b = b.data(),
               .b_row = columns,
               .c = c.data(),
               .c_row = columns,
               .rows = 3,
               .columns = columns,
               .depth = depth,
               .accumulate = false});
    int differs_backwards = 0;
    for (std::int64_t row = 0; row < 3; ++row) {
      for (std::int64_t column = 0; column < columns; ++column) {
        T forwards = 0, backwards = 0;
        for (std::int64_t i = 0; i < depth; ++i) {
          const auto term = [&](std::int64_t at, T sum) {
            return multiply_add(is_fused(GetParam()), a[static_cast<std::size_t>(row * depth + at)],
                                b[static_cast<std::size_t>(at * columns + column)], sum);
          };
          forwards = term(i, forwards);
          backwards = term(depth - 1 - i, backwards);
        }
        ASSERT_EQ(c[static_cast<std::size_t>(row * columns + column)], forwards) << row << " " << column;
        differs_backwards += forwards != backwards ? 1 : 0;
      }
    }
    EXPECT_TRUE(depth < 50 || differs_backwards > 0) << "data that says nothing about order";
  }

  // Several panels in one call give the bits of a call for each, and touch nothing between them.
  template <class T>
  void check_panels() {
    const Kernels<T>& k = kernels<T>();
    constexpr std::int64_t kDepth = 5;
    const std::vector<T> a = random_values<T>(static_cast<std::size_t>(kMostPanelRows * kDepth), 6);
    for (std::int64_t vectors = 1; vectors <= k.max_panel_vectors; ++vectors) {
      // The last width is no whole vector.
      for (const std::int64_t columns : {vectors * k.lanes, vectors * k.lanes + 1}) {
        const std::int64_t b_panel = kDepth * columns + kPanelGap;
        const std::vector<T> b = random_values<T>(static_cast<std::size_t>(kMostPanels * b_panel), 7);
        expect_panels(k, a.data(), kDepth, b, b_panel, columns);
      }
    }
  }

  template <class T>
  void check_empty() {
    const Kernels<T>& k = kernels<T>();
    const T a[4] = {1, 2, 3, 4}, b[4] = {1, 2, 3, 4};
    T c[4] = {5, 6, 7, 8};
    ProductArgs<T> args{.a = a,
                        .a_row = 2,
                        .a_column = 1,
                        .b = b,
                        .b_row = 2,
                        .c = c,
                        .c_row = 2,
                        .rows = 0,
                        .columns = 2,
                        .depth = 2,
                        .accumulate = false};
    k.product(args);
    args.rows = 2;
    args.columns = 0;
    k.product(args);
    EXPECT_EQ(std::vector<T>(c, c + 4), (std::vector<T>{5, 6, 7, 8})) << "nothing to write";
    args.columns = 2;
    args.depth = 0;
    args.accumulate = true;
    k.product(args);
    EXPECT_EQ(std::vector<T>(c, c + 4), (std::vector<T>{5, 6, 7, 8})) << "nothing to add";
    args.accumulate = false;
    k.product(args);
    EXPECT_EQ(std::vector<T>(c, c + 4), std::vector<T>(4, T(0))) << "an empty sum";
  }
};

TEST_P(Product, F32EveryShape) { check_all<float>(); }
TEST_P(Product, F64EveryShape) { check_all<double>(); }
TEST_P(Product, Panels) {
  check_panels<float>();
  check_panels<double>();
}
TEST_P(Product, KInOrder) {
  for (std::int64_t depth : {1, 2, 7, 64, 1000}) {
    check_order<float>(depth);
    check_order<double>(depth);
  }
}
TEST_P(Product, EmptyProducts) {
  check_empty<float>();
  check_empty<double>();
}

INSTANTIATE_TEST_SUITE_P(Simd, Product, ::testing::ValuesIn(simd_names(DataType::f32)),
                         [](const auto& instance) { return instance.param; });

// bf16 with sums of f32. B is in units of two values of k, so that depths are odd and even.
class Bf16Product : public ::testing::TestWithParam<std::string> {
 protected:
  using Stored = host::Bf16;

  const Kernels<Stored>& kernels() const {
    return host::cpu::kernels_of<Stored>(*host::cpu::find_target(GetParam()));
  }
  static std::vector<Bf16> random_bf16(std::size_t count, std::uint64_t stream) {
    Random random(5, stream);
    std::vector<Bf16> values(count);
    for (Bf16& value : values) value = Bf16(random.symmetric(1));
    return values;
  }
  // [depth][columns] in units, rows of `row` units; what is past a row is poison (NaN).
  static std::vector<std::uint32_t> packed(const std::vector<Bf16>& b, std::int64_t depth,
                                           std::int64_t columns, std::int64_t row) {
    std::vector<std::uint32_t> units(static_cast<std::size_t>((depth + 1) / 2 * row), 0xffffffffu);
    for (std::int64_t k = 0; k < depth; ++k) {
      for (std::int64_t j = 0; j < columns; ++j) {
        std::uint32_t& unit = units[static_cast<std::size_t>(k / 2 * row + j)];
        const std::uint32_t bits = b[static_cast<std::size_t>(k * columns + j)].bits();
        unit = k % 2 == 0 ? bits : unit | bits << 16;
      }
    }
    return units;
  }
  static const Stored* stored(const std::vector<Bf16>& values) {
    return reinterpret_cast<const Stored*>(values.data());
  }

  // The chain of an element: units in order, the later k of each first, each product, which is exact, added
  // with one rounding.
  static float chain(const Bf16* a, const Bf16* b, std::int64_t b_row, std::int64_t depth) {
    float sum = 0;
    for (std::int64_t first = 0; first < depth; first += 2) {
      for (std::int64_t k = std::min(first + 1, depth - 1); k >= first; --k)
        sum = std::fma(static_cast<float>(a[k]), static_cast<float>(b[k * b_row]), sum);
    }
    return sum;
  }

  void check_shapes(std::int64_t depth, bool accumulate, std::int64_t gap) {
    constexpr std::int64_t kRows = 20;
    const Kernels<Stored>& k = kernels();
    const std::int64_t most_columns = 2 * k.max_panel_vectors * k.lanes + 3;
    const std::int64_t a_row = depth + gap;
    std::vector<Bf16> a = random_bf16(static_cast<std::size_t>(kRows * a_row - gap), 1);
    for (std::int64_t row = 0; row + 1 < kRows; ++row) {  // between rows: NaN
      for (std::int64_t j = depth; j < a_row; ++j)
        a[static_cast<std::size_t>(row * a_row + j)] = Bf16::from_bits(0xffffu);
    }
    const std::vector<Bf16> b = random_bf16(static_cast<std::size_t>(depth * most_columns), 2);
    const std::vector<float> c_values =
        random_values<float>(static_cast<std::size_t>(kRows * most_columns), 3);
    const std::vector<std::uint32_t> all = packed(b, depth, most_columns, most_columns);

    std::vector<float> expected(c_values.size());
    for (std::int64_t row = 0; row < kRows; ++row) {
      for (std::int64_t j = 0; j < most_columns; ++j) {
        const auto at = static_cast<std::size_t>(row * most_columns + j);
        expected[at] = chain(a.data() + row * a_row, b.data() + j, most_columns, depth);
        if (accumulate) expected[at] += c_values[at];
      }
    }

    for (std::int64_t columns = 1; columns <= most_columns; ++columns) {
      const std::int64_t row_units = columns + gap;
      std::vector<Bf16> b_columns;
      for (std::int64_t i = 0; i < depth; ++i) {
        const auto from = b.begin() + i * most_columns;
        b_columns.insert(b_columns.end(), from, from + columns);
      }
      std::vector<std::uint32_t> units = packed(b_columns, depth, columns, row_units);
      units.resize(units.size() - static_cast<std::size_t>(gap));  // exactly as many as may be read
      for (std::int64_t rows = 1; rows <= kRows; ++rows) {
        constexpr float kPoison = -77;
        const std::int64_t c_row = columns + gap;
        std::vector<float> c(static_cast<std::size_t>((rows - 1) * c_row + columns), kPoison);
        for (std::int64_t row = 0; row < rows && accumulate; ++row) {
          for (std::int64_t j = 0; j < columns; ++j)
            c[static_cast<std::size_t>(row * c_row + j)] =
                c_values[static_cast<std::size_t>(row * most_columns + j)];
        }
        k.product({.a = stored(a),
                   .a_row = a_row,
                   .a_column = 1,
                   .b = units.data(),
                   .b_row = row_units,
                   .c = c.data(),
                   .c_row = c_row,
                   .rows = rows,
                   .columns = columns,
                   .depth = depth,
                   .accumulate = accumulate});
        for (std::int64_t row = 0; row < rows; ++row) {
          const float* got = c.data() + row * c_row;
          const float* want = expected.data() + row * most_columns;
          if (std::memcmp(got, want, static_cast<std::size_t>(columns) * sizeof(float)) != 0)
            FAIL() << "row " << row << " of " << rows << " x " << columns << ", depth " << depth;
          for (std::int64_t j = columns; row + 1 < rows && j < c_row; ++j)
            ASSERT_EQ(got[j], kPoison) << "written between rows, " << rows << " x " << columns;
        }
      }
    }
  }
};

TEST_P(Bf16Product, EveryShape) {
  for (std::int64_t depth : {1, 2, 5, 8}) {
    for (bool accumulate : {false, true}) {
      for (std::int64_t gap : {0, 3}) {
        check_shapes(depth, accumulate, gap);
        if (HasFailure()) return;
      }
    }
  }
}

TEST_P(Bf16Product, Panels) {
  const Kernels<Stored>& k = kernels();
  constexpr std::int64_t kDepth = 5, kUnits = 3;
  const std::vector<Bf16> a = random_bf16(static_cast<std::size_t>(kMostPanelRows * kDepth), 6);
  for (std::int64_t vectors = 1; vectors <= k.max_panel_vectors; ++vectors) {
    const std::int64_t columns = vectors * k.lanes;
    std::vector<std::uint32_t> b;
    for (std::int64_t panel = 0; panel < kMostPanels; ++panel) {
      const auto values = random_bf16(static_cast<std::size_t>(kDepth * columns), 7 + panel);
      const auto units = packed(values, kDepth, columns, columns);
      b.insert(b.end(), units.begin(), units.end());
      b.insert(b.end(), kPanelGap, 0xffffffffu);
    }
    expect_panels(k, stored(a), kDepth, b, kUnits * columns + kPanelGap, columns);
  }
}

// The order of k over many steps: sums whose value depends on it.
TEST_P(Bf16Product, UnitsInOrder) {
  const Kernels<Stored>& k = kernels();
  for (std::int64_t depth : {1, 2, 7, 64, 1000}) {
    const std::int64_t columns = k.lanes + 1;
    Random random(11);
    std::vector<Bf16> a(static_cast<std::size_t>(depth)), b(static_cast<std::size_t>(depth * columns));
    // Of very different sizes, so that another order gives other bits.
    for (Bf16& value : a)
      value = Bf16(random.symmetric(1) * std::exp2(static_cast<double>(random.integer(-10, 10))));
    for (Bf16& value : b) value = Bf16(random.symmetric(1));
    const std::vector<std::uint32_t> units = packed(b, depth, columns, columns);
    std::vector<float> c(static_cast<std::size_t>(columns));
    k.product({.a = stored(a),
               .a_row = depth,
               .a_column = 1,
               .b = units.data(),
               .b_row = columns,
               .c = c.data(),
               .c_row = columns,
               .rows = 1,
               .columns = columns,
               .depth = depth,
               .accumulate = false});
    int differs_in_order_of_k = 0;
    for (std::int64_t column = 0; column < columns; ++column) {
      const float expected = chain(a.data(), b.data() + column, columns, depth);
      ASSERT_EQ(c[static_cast<std::size_t>(column)], expected) << depth << " " << column;
      float in_order = 0;
      for (std::int64_t i = 0; i < depth; ++i)
        in_order = std::fma(static_cast<float>(a[static_cast<std::size_t>(i)]),
                            static_cast<float>(b[static_cast<std::size_t>(i * columns + column)]), in_order);
      differs_in_order_of_k += in_order != expected ? 1 : 0;
    }
    EXPECT_TRUE(depth < 50 || differs_in_order_of_k > 0) << "data that says nothing about order";
  }
}

INSTANTIATE_TEST_SUITE_P(Simd, Bf16Product, ::testing::ValuesIn(simd_names(DataType::bf16)),
                         [](const auto& instance) { return instance.param; });

}  // namespace
}  // namespace recur::test
