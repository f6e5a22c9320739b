// The product kernel: every tile, every stride and list of rows, bit for bit the sum of the chains of its
// blocks of depth, each in order of k.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <span>

#include "engines/simd_names.hpp"
#include "host/cpu/large_product.hpp"
#include "support/random.hpp"
#include "support/storage.hpp"

namespace recur::test {
namespace {

using host::cpu::Arithmetic;
using host::cpu::Kernels;
using host::cpu::ProductArgs;
using host::cpu::Unit;
using RowNumbers = std::vector<std::int32_t>;

std::size_t index(std::int64_t value) { return static_cast<std::size_t>(value); }

// A type as the engine stores it and as tests have it.
template <class T>
using Stored = std::conditional_t<std::is_same_v<T, Bf16>, host::Bf16, T>;
template <class T>
using Sum = Arithmetic<Stored<T>>;
template <class T>
constexpr std::int64_t kUnitDepth = host::cpu::StorageTraits<Stored<T>>::kUnitDepth;

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
T nan_of() {
  if constexpr (std::is_same_v<T, Bf16>) {
    return Bf16::from_bits(0xffffu);
  } else {
    return std::numeric_limits<T>::quiet_NaN();
  }
}

// In what order the terms of an element are added up. The kernel's is `blocks`; the others show that the data
// can tell them apart.
enum class Order { blocks, one_chain, backwards, earlier_k_first };

// A (rows x depth), B (depth x columns), what C has before, and every element of the result.
template <class T>
class Operands {
 public:
  Operands(bool fused, std::int64_t rows, std::int64_t depth, std::int64_t columns)
      : rows_(rows), depth_(depth), columns_(columns), fused_(fused) {
    Random random(5, static_cast<std::uint64_t>(depth));
    // Of very different sizes, so that another order gives other bits.
    for (std::int64_t i = 0; i < rows * depth; ++i)
      a_.push_back(T(random.symmetric(1) * std::exp2(static_cast<double>(random.integer(-6, 6)))));
    for (std::int64_t i = 0; i < depth * columns; ++i) b_.push_back(T(random.symmetric(1)));
    for (std::int64_t i = 0; i < rows * columns; ++i)
      before_.push_back(static_cast<Sum<T>>(random.symmetric(1)));
    for (std::int64_t row = 0; row < rows; ++row) {
      for (std::int64_t column = 0; column < columns; ++column) {
        overwritten_.push_back(element(row, column, false));
        added_.push_back(element(row, column, true));
      }
    }
  }

  std::int64_t rows() const { return rows_; }
  std::int64_t depth() const { return depth_; }
  std::int64_t columns() const { return columns_; }
  T a(std::int64_t row, std::int64_t k) const { return a_[index(row * depth_ + k)]; }
  T b(std::int64_t k, std::int64_t column) const { return b_[index(k * columns_ + column)]; }
  Sum<T> before(std::int64_t row, std::int64_t column) const {
    return before_[index(row * columns_ + column)];
  }
  Sum<T> after(std::int64_t row, std::int64_t column, bool accumulate) const {
    return (accumulate ? added_ : overwritten_)[index(row * columns_ + column)];
  }

  // C of row and column: the chains of blocks of 256 values of k, added to C in order. A last value of k that
  // is no whole unit is a block of its own.
  Sum<T> element(std::int64_t row, std::int64_t column, bool accumulate, Order order = Order::blocks) const {
    Sum<T> total = before(row, column);
    std::int64_t k = 0;
    bool add = accumulate;
    do {
      const std::int64_t left = depth_ - k;
      const std::int64_t whole = left / kUnitDepth<T> * kUnitDepth<T>;
      const std::int64_t block = whole == 0                  ? left
                                 : order == Order::one_chain ? whole
                                                             : std::min<std::int64_t>(256, whole);
      const Sum<T> sum = chain(row, column, k, block, order);
      total = add ? total + sum : sum;
      add = true;
      k += block;
    } while (k < depth_);
    return total;
  }

 private:
  // One block: units of depth in order, of each the later k first.
  Sum<T> chain(std::int64_t row, std::int64_t column, std::int64_t first, std::int64_t count,
               Order order) const {
    Sum<T> sum(0);
    const auto add = [&](std::int64_t k) {
      sum = multiply_add(fused_, Sum<T>(a(row, k)), Sum<T>(b(k, column)), sum);
    };
    for (std::int64_t i = 0; i < count; i += kUnitDepth<T>) {
      const std::int64_t unit =
          order == Order::backwards ? (count - 1) / kUnitDepth<T> * kUnitDepth<T> - i : i;
      const std::int64_t last = std::min(unit + kUnitDepth<T>, count) - 1;
      for (std::int64_t j = 0; j <= last - unit; ++j)
        add(first + (order == Order::earlier_k_first ? unit + j : last - j));
    }
    return sum;
  }

  std::int64_t rows_, depth_, columns_;
  bool fused_;
  std::vector<T> a_, b_;
  std::vector<Sum<T>> before_, overwritten_, added_;
};

// How a product is asked for.
struct Form {
  std::int64_t rows;
  std::int64_t width;  // columns of a panel
  std::int64_t panels = 1;
  bool accumulate = false;
  bool transposed_a = false;
  std::int64_t gap = 0;            // elements between rows, and between panels of B
  bool panels_of_c_apart = false;  // each a matrix of its own, and not columns beside each other
  const RowNumbers* a_rows = nullptr;
  const RowNumbers* c_rows = nullptr;
};

std::int64_t rows_of(const RowNumbers* list, std::int64_t rows) {
  return list == nullptr ? rows : rows == 0 ? 0 : (*list)[index(rows - 1)] + 1;
}
std::int64_t row_at(const RowNumbers* list, std::int64_t i) {
  return list == nullptr ? i : (*list)[index(i)];
}

// Memory of a product: row i of it has row i of the operands. No more elements than may be read, so that a
// sanitizer sees one more; NaN where nothing may be read and -77 where nothing may be written.
template <class T>
struct Memory {
  std::vector<T> a;
  std::vector<Unit<Stored<T>>> b;
  std::vector<Sum<T>> c, expected;
  ProductArgs<Stored<T>> args;

  // `columns`: of C, which may end within the last panel.
  Memory(const Operands<T>& from, const Form& form, std::int64_t columns) : args{} {
    const std::int64_t depth = from.depth();
    constexpr std::int64_t kUnit = kUnitDepth<T>;
    args.a_row = form.transposed_a ? kUnit : depth + form.gap;
    args.a_column = form.transposed_a ? rows_of(form.a_rows, form.rows) + form.gap : 1;
    const auto a_at = [&](std::int64_t i, std::int64_t k) {
      return index(row_at(form.a_rows, i) * args.a_row + k / kUnit * kUnit * args.a_column + k % kUnit);
    };
    a.reserve(1);  // not null, however few there are
    a.assign(form.rows > 0 && depth > 0 ? a_at(form.rows - 1, depth - 1) + 1 : 0, nan_of<T>());
    for (std::int64_t i = 0; i < form.rows; ++i) {
      for (std::int64_t k = 0; k < depth; ++k) a[a_at(i, k)] = from.a(i, k);
    }

    const std::int64_t units = host::cpu::units_of<Stored<T>>(depth);
    args.b_row = form.width + form.gap;
    args.b_panel = units * args.b_row + form.gap;
    pack_b(from, form, units);

    args.c_row = form.panels_of_c_apart ? form.width + form.gap : columns + form.gap;
    args.c_panel = form.width;
    if (form.panels_of_c_apart) args.c_panel = rows_of(form.c_rows, form.rows) * args.c_row + form.gap;
    const auto c_at = [&](std::int64_t i, std::int64_t column) {
      return index(row_at(form.c_rows, i) * args.c_row + column / form.width * args.c_panel +
                   column % form.width);
    };
    c.assign(form.rows > 0 && columns > 0 ? c_at(form.rows - 1, columns - 1) + 1 : 0, Sum<T>(-77));
    expected = c;
    for (std::int64_t i = 0; i < form.rows; ++i) {
      for (std::int64_t column = 0; column < columns; ++column) {
        c[c_at(i, column)] = form.accumulate ? from.before(i, column) : nan_of<Sum<T>>();
        expected[c_at(i, column)] = from.after(i, column, form.accumulate);
      }
    }

    args.a = reinterpret_cast<const Stored<T>*>(a.data());
    args.b = b.data();
    args.c = c.data();
    args.rows = form.rows;
    args.columns = form.width;
    args.depth = depth;
    args.accumulate = form.accumulate;
    args.a_rows = form.a_rows != nullptr ? form.a_rows->data() : nullptr;
    args.c_rows = form.c_rows != nullptr ? form.c_rows->data() : nullptr;
    args.panels = form.panels;
  }

  // The rest of a last unit is zero, and so are columns past the operands'.
  void pack_b(const Operands<T>& from, const Form& form, std::int64_t units) {
    Unit<Stored<T>> poison;
    std::memset(&poison, 0xff, sizeof(poison));  // NaN, and NaN in both halves
    b.reserve(1);
    b.assign(form.panels > 0 && units > 0
                 ? index((form.panels - 1) * args.b_panel + (units - 1) * args.b_row + form.width)
                 : 0,
             poison);
    for (std::int64_t panel = 0; panel < form.panels; ++panel) {
      for (std::int64_t j = 0; j < form.width; ++j) {
        const std::int64_t column = panel * form.width + j;
        for (std::int64_t unit = 0; unit < units; ++unit) {
          auto& to = b[index(panel * args.b_panel + unit * args.b_row + j)];
          to = 0;
          if (column >= from.columns()) continue;
          if constexpr (std::is_same_v<T, Bf16>) {
            to = from.b(2 * unit, column).bits();
            if (2 * unit + 1 < from.depth())
              to |= static_cast<std::uint32_t>(from.b(2 * unit + 1, column).bits()) << 16;
          } else {
            to = from.b(unit, column);
          }
        }
      }
    }
  }

  // All of C, with what lies between its rows and is in no list.
  ::testing::AssertionResult is_as_expected() const {
    const auto got = std::as_bytes(std::span(c)), wanted = std::as_bytes(std::span(expected));
    const auto differs = std::ranges::mismatch(got, wanted).in1;
    if (differs == got.end()) return ::testing::AssertionSuccess();
    const auto i = static_cast<std::size_t>(differs - got.begin()) / sizeof(Sum<T>);
    return ::testing::AssertionFailure()
           << "element " << i << " of C: " << c[i] << ", expected " << expected[i];
  }
};

std::string text_of(const Form& form, std::int64_t depth) {
  return std::to_string(form.rows) + " rows, " + std::to_string(form.panels) + " panels of " +
         std::to_string(form.width) + ", depth " + std::to_string(depth) +
         (form.accumulate ? ", accumulated" : "") + (form.transposed_a ? ", A transposed" : "") + ", gap " +
         std::to_string(form.gap) + (form.a_rows != nullptr ? ", rows of A listed" : "") +
         (form.c_rows != nullptr ? ", rows of C listed" : "");
}

// `count` rows out of some more, ascending.
RowNumbers random_rows(Random& random, std::int64_t count) {
  RowNumbers rows;
  std::int32_t next = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    next += static_cast<std::int32_t>(random.integer(0, 2));
    rows.push_back(next++);
  }
  return rows;
}

// Tiles have up to 8 rows, so 20 are two of them and a rest of each height.
constexpr std::int64_t kMostRows = 20;

class Product : public ::testing::TestWithParam<std::string> {
 protected:
  static bool fused() { return is_fused(GetParam()); }
  // Null where the set has no kernels of its own for the type.
  template <class T>
  static const Kernels<Stored<T>>* kernels() {
    const Kernels<Stored<T>>& k = host::cpu::kernels_of<Stored<T>>(*host::cpu::find_target(GetParam()));
    return k.target == GetParam() ? &k : nullptr;
  }

  template <class T>
  static void expect_product(const Operands<T>& operands, const Form& form) {
    Memory<T> memory(operands, form, form.panels * form.width);
    kernels<T>()->product(memory.args);
    EXPECT_TRUE(memory.is_as_expected()) << text_of(form, operands.depth());
  }

  // f(operands, panel width) at depths around units and blocks and at every width of a panel; the operands
  // have columns for `panels` of them.
  template <class T, class F>
  static void each_width(std::initializer_list<std::int64_t> depths, std::int64_t rows, std::int64_t panels,
                         F&& f) {
    const Kernels<Stored<T>>* k = kernels<T>();
    if (k == nullptr) return;
    for (const std::int64_t depth : depths) {
      const Operands<T> operands(fused(), rows, depth, panels * k->max_panel_vectors * k->lanes);
      for (std::int64_t vectors = 1; vectors <= k->max_panel_vectors; ++vectors) {
        f(operands, vectors * k->lanes);
        if (HasFailure()) return;
      }
    }
  }

  template <class T>
  static void check_heights() {
    const auto check = [](const Operands<T>& operands, std::int64_t width) {
      for (std::int64_t rows = 1; rows <= kMostRows; ++rows) {
        for (const bool accumulate : {false, true})
          expect_product(operands, {.rows = rows, .width = width, .accumulate = accumulate});
      }
    };
    each_width<T>({0, 1, 2, 5, 8, 256, 257, 515}, kMostRows, 1, check);
  }

  template <class T>
  static void check_strides() {
    const auto check = [](const Operands<T>& operands, std::int64_t width) {
      for (std::int64_t rows = 1; rows <= kMostRows; ++rows) {
        for (const bool transposed : {false, true}) {
          for (const std::int64_t gap : {0, 3}) {
            for (const bool accumulate : {false, true}) {
              expect_product(operands, {.rows = rows,
                                        .width = width,
                                        .accumulate = accumulate,
                                        .transposed_a = transposed,
                                        .gap = gap});
            }
          }
        }
      }
    };
    each_width<T>({5, 6, 259}, kMostRows, 1, check);
  }

  // Of few rows a tile takes up to 8 panels: two such tiles and one more.
  template <class T>
  static void check_panels() {
    constexpr std::int64_t kMostPanels = 17;
    each_width<T>({5}, 9, kMostPanels, [](const Operands<T>& operands, std::int64_t width) {
      for (const std::int64_t rows : {1, 2, 3, 4, 5, 9}) {
        for (std::int64_t panels = 0; panels <= kMostPanels; ++panels) {
          for (const bool apart : {false, true}) {
            expect_product(operands, {.rows = rows,
                                      .width = width,
                                      .panels = panels,
                                      .accumulate = panels % 2 == 0,
                                      .gap = 3,
                                      .panels_of_c_apart = apart});
          }
        }
      }
    });
    each_width<T>({259}, 9, 5, [](const Operands<T>& operands, std::int64_t width) {
      for (const std::int64_t rows : {1, 3, 9})
        expect_product(operands, {.rows = rows, .width = width, .panels = 5, .accumulate = rows == 3});
    });
  }

  template <class T>
  static void check_row_lists() {
    Random random(9);
    each_width<T>({0, 5, 259}, kMostRows, 3, [&](const Operands<T>& operands, std::int64_t width) {
      for (std::int64_t rows = 1; rows <= kMostRows; ++rows) {
        const RowNumbers a_rows = random_rows(random, rows), c_rows = random_rows(random, rows);
        for (const int listed : {1, 2, 3}) {
          expect_product(operands, {.rows = rows,
                                    .width = width,
                                    .panels = rows % 2 == 0 ? 1 : 3,
                                    .accumulate = rows % 4 < 2,
                                    .transposed_a = rows % 3 == 0,
                                    .gap = rows % 5 == 0 ? 2 : 0,
                                    .a_rows = listed != 2 ? &a_rows : nullptr,
                                    .c_rows = listed != 1 ? &c_rows : nullptr});
        }
      }
    });
  }

  template <class T>
  static void check_that_the_data_tell() {
    if (kernels<T>() == nullptr) return;
    const Operands<T> operands(fused(), 3, 515, 16);
    const auto differing = [&](Order order) {
      int count = 0;
      for (std::int64_t row = 0; row < 3; ++row) {
        for (std::int64_t column = 0; column < 16; ++column)
          count += operands.element(row, column, true, order) != operands.after(row, column, true) ? 1 : 0;
      }
      return count;
    };
    EXPECT_EQ(differing(Order::blocks), 0);
    EXPECT_GT(differing(Order::one_chain), 0);
    EXPECT_GT(differing(Order::backwards), 0);
    EXPECT_EQ(differing(Order::earlier_k_first) > 0, kUnitDepth<T> > 1);
  }

  // C ends within its last panel.
  template <class T>
  static void check_columns(std::int64_t depth) {
    const auto* k = kernels<T>();
    if (k == nullptr) return;
    constexpr std::int64_t kHeights[] = {1, 5, host::cpu::kTileRows, host::cpu::kTileRows + 1,
                                         2 * host::cpu::kTileRows + 3};
    const std::int64_t most = 2 * k->max_panel_vectors * k->lanes + 3;
    Random random(10);
    const Operands<T> operands(fused(), kHeights[4], depth, most);
    for (std::int64_t vectors = 1; vectors <= k->max_panel_vectors; ++vectors) {
      const std::int64_t width = vectors * k->lanes;
      for (std::int64_t columns = 1; columns <= 2 * width + 3; ++columns) {
        for (const std::int64_t rows : kHeights) {
          const RowNumbers a_rows = random_rows(random, rows), c_rows = random_rows(random, rows);
          const Form form{.rows = rows,
                          .width = width,
                          .panels = (columns + width - 1) / width,
                          .accumulate = random.integer(0, 1) == 1,
                          .transposed_a = random.integer(0, 1) == 1,
                          .gap = random.integer(0, 3),
                          .a_rows = random.integer(0, 1) == 1 ? &a_rows : nullptr,
                          .c_rows = random.integer(0, 1) == 1 ? &c_rows : nullptr};
          Memory<T> memory(operands, form, columns);
          host::cpu::product_of_columns(k->product, memory.args, columns);
          ASSERT_TRUE(memory.is_as_expected()) << columns << " columns, " << text_of(form, operands.depth());
        }
      }
    }
  }

  // f.template operator()<T>() for the types that the set has kernels of its own for.
  template <class F>
  static void each_type(F&& f) {
    f.template operator()<float>();
    f.template operator()<double>();
    f.template operator()<Bf16>();
  }
};

TEST_P(Product, EveryHeightOfEveryPanel) {
  each_type([]<class T>() { check_heights<T>(); });
}
TEST_P(Product, Strides) {
  each_type([]<class T>() { check_strides<T>(); });
}
TEST_P(Product, Panels) {
  each_type([]<class T>() { check_panels<T>(); });
}
TEST_P(Product, ListsOfRows) {
  each_type([]<class T>() { check_row_lists<T>(); });
}
TEST_P(Product, TheOrderOfKCanBeTold) {
  each_type([]<class T>() { check_that_the_data_tell<T>(); });
}
TEST_P(Product, OfColumnsThatAreNoWholePanels) {
  for (const std::int64_t depth : {5, 259}) {
    check_columns<float>(depth);
    check_columns<double>(depth);
    check_columns<Bf16>(depth);
  }
}

// Nothing to write, whatever else is asked for.
TEST_P(Product, WithoutRows) {
  each_type([]<class T>() {
    if (kernels<T>() == nullptr) return;
    const Operands<T> operands(fused(), 1, 2, kernels<T>()->lanes);
    Memory<T> memory(operands, {.rows = 1, .width = kernels<T>()->lanes}, kernels<T>()->lanes);
    const auto before = memory.c;
    memory.args.rows = 0;
    kernels<T>()->product(memory.args);
    EXPECT_EQ(std::memcmp(memory.c.data(), before.data(), before.size() * sizeof(Sum<T>)), 0);
  });
}

// Sets with kernels of their own for any type: one may have them for bf16 alone.
std::vector<std::string> all_simd_names() {
  std::vector<std::string> names = simd_names(DataType::f32);
  for (const std::string& name : simd_names(DataType::bf16)) {
    if (std::ranges::find(names, name) == names.end()) names.push_back(name);
  }
  return names;
}

INSTANTIATE_TEST_SUITE_P(Simd, Product, ::testing::ValuesIn(all_simd_names()),
                         [](const auto& instance) { return instance.param; });

}  // namespace
}  // namespace recur::test
