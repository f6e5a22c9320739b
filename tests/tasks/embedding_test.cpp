#include "recur/tasks/embedding.hpp"

#include <gtest/gtest.h>

#include <array>

#include "bad_input.hpp"
#include "tensor.hpp"

namespace recur::test {
namespace {

using tasks::embedding;
using tasks::embedding_backward;

TEST(Embedding, CopiesRowsBitForBit) {
  // Odd sizes; gaps between rows of the table and of the output; first, last and repeated ids.
  Tensor<float> table({5, 3}, -1.0F, 2);
  table.randomise(Random(1), 1);
  Tensor<std::int32_t> ids({2, 3}, 0, 1);
  ids.assign(std::array{4, 0, 2, 2, 4, 1});
  Tensor<float> out({2, 3, 3}, 77.0F, 1);
  embedding(table.view(), ids.view(), out.view());
  for (std::int64_t t = 0; t < 2; ++t) {
    for (std::int64_t b = 0; b < 3; ++b) {
      for (std::int64_t i = 0; i < 3; ++i) EXPECT_EQ(out.at(t, b, i), table.at(ids.at(t, b), i));
    }
  }
  EXPECT_TRUE(out.untouched());
}

TEST(Embedding, ServesEveryRealType) {
  Tensor<std::int32_t> ids({1, 2}, 1);
  Tensor<double> wide({2, 8}, 0.5);
  Tensor<double> wide_out({1, 2, 8}, 0);
  wide.at(1, 7) = 1e-300;
  embedding(wide.view(), ids.view(), wide_out.view());
  EXPECT_EQ(wide_out.at(0, 1, 7), 1e-300);

  // 16-bit types have no C++ type here; 16 bytes hold a row of eight.
  Tensor<std::uint8_t> bytes({2, 16}, 3);
  Tensor<std::uint8_t> bytes_out({1, 2, 16}, 0);
  bytes.at(1, 15) = 200;
  for (const DataType type : {DataType::bf16, DataType::f16}) {
    bytes_out.at(0, 1, 15) = 0;
    embedding(ConstTensorView(bytes.data(), type, {2, 8}), ids.view(),
              TensorView(bytes_out.data(), type, {1, 2, 8}));
    EXPECT_EQ(bytes_out.at(0, 1, 15), 200);
    EXPECT_TRUE(bytes_out.untouched());
  }
}

template <class T>
class EmbeddingGradient : public ::testing::Test {};
using Types = ::testing::Types<float, double>;
TYPED_TEST_SUITE(EmbeddingGradient, Types);

TYPED_TEST(EmbeddingGradient, AddsInTheOrderOfTheIds) {
  using T = TypeParam;
  Tensor<std::int32_t> ids({4, 2}, 0);
  ids.assign(std::array{2, 0, 2, 2, 1, 2, 0, 2});
  Tensor<T> dout({4, 2, 3}, T{0}, 1);
  dout.randomise(Random(2), 1);
  // Sums in another order would round differently: large and small terms alternate.
  for (std::int64_t t = 0; t < 4; ++t) dout.at(t, 1, 0) = t % 2 == 0 ? T{1e8} : T{-1e8};

  std::vector<T> expected(4 * 3, T{0});
  for (std::int64_t t = 0; t < 4; ++t) {
    for (std::int64_t b = 0; b < 2; ++b) {
      for (std::int64_t i = 0; i < 3; ++i) {
        expected[static_cast<std::size_t>(ids.at(t, b) * 3 + i)] += dout.at(t, b, i);
      }
    }
  }
  Tensor<T> dtable({4, 3}, T{77}, 2);
  embedding_backward(ids.view(), dout.view(), dtable.view());
  EXPECT_TRUE(same_bits(dtable.values(), expected));
  EXPECT_TRUE(dtable.untouched());
  EXPECT_EQ(dtable.at(3, 0), 0) << "a row that no id names";

  // Accumulating: integers add exactly.
  for (std::int64_t v = 0; v < 4; ++v) {
    for (std::int64_t i = 0; i < 3; ++i) dtable.at(v, i) = T{1000};
  }
  Tensor<T> ones({4, 2, 3}, T{1});
  embedding_backward(ids.view(), ones.view(), dtable.view(), GradientMode::accumulate);
  EXPECT_EQ(dtable.at(0, 0), 1002);
  EXPECT_EQ(dtable.at(1, 1), 1001);
  EXPECT_EQ(dtable.at(2, 2), 1005);
  EXPECT_EQ(dtable.at(3, 2), 1000);
}

TEST(Embedding, OfNoIds) {
  Tensor<float> table({4, 3}, 0.5F), dtable({4, 3}, 77.0F, 2);
  for (const auto& [T, B] : {std::pair<std::int64_t, std::int64_t>{0, 2}, {3, 0}, {0, 0}}) {
    const ConstTensorView ids(nullptr, DataType::i32, {T, B}), dout(nullptr, DataType::f32, {T, B, 3});
    EXPECT_NO_THROW(embedding(table.view(), ids, TensorView(nullptr, DataType::f32, {T, B, 3})));
    embedding_backward(ids, dout, dtable.view(), GradientMode::accumulate);
    EXPECT_TRUE(dtable.untouched(true)) << "nothing is added";
  }
  embedding_backward(ConstTensorView(nullptr, DataType::i32, {0, 2}),
                     ConstTensorView(nullptr, DataType::f32, {0, 2, 3}), dtable.view());
  EXPECT_EQ(dtable.values(), std::vector<float>(12, 0.0F));
  EXPECT_TRUE(dtable.untouched()) << "gaps stay";
}

struct Fixture {
  Tensor<float> table{{5, 4}, 0.5F};
  Tensor<std::int32_t> ids{{3, 2}, 1};
  Tensor<float> out{{3, 2, 4}, 77.0F};
  Tensor<float> dtable{{5, 4}, 77.0F};
  Tensor<float> dout_storage{{3, 2, 4}, 1.0F};
  ConstTensorView table_view = table.view();
  ConstTensorView ids_view = ids.view();
  TensorView out_view = out.view();
  ConstTensorView dout = dout_storage.view();
  TensorView dtable_view = dtable.view();

  void expect_unwritten(const std::string& label) {
    EXPECT_TRUE(out.untouched(true) && dtable.untouched(true)) << label;
  }
};

void add_id_cases(BadCases<Fixture>& cases) {
  for (const std::int32_t id : {-1, 5, 1 << 30}) {
    cases.push_back({"id " + std::to_string(id),
                     [=](Fixture& f) { f.ids.at(2, 1) = id; },
                     {"ids", "V=5", std::to_string(id), "[2][1]"}});
  }
}

TEST(EmbeddingBadInput, Lookup) {
  BadCases<Fixture> cases;
  add_view_cases(
      cases, "table", {.defines_width = true}, [](Fixture & f) -> auto& { return f.table_view; });
  add_view_cases(
      cases, "ids", {.defines_width = true}, [](Fixture & f) -> auto& { return f.ids_view; });
  add_view_cases(
      cases, "out", {.output = true}, [](Fixture & f) -> auto& { return f.out_view; });
  add_id_cases(cases);
  cases.push_back({"a table of labels",
                   [](Fixture& f) {
                     f.table_view = ConstTensorView(f.table.data(), DataType::i32, {5, 4});
                   },
                   {"table", "i32"}});
  cases.push_back({"an empty table",
                   [](Fixture& f) {
                     f.table_view = ConstTensorView(f.table.data(), {0, 4});
                   },
                   {"table", "at least 1"}});
  add_overlap_case(cases, "out", "table", [](Fixture& f) {
    f.table_view = ConstTensorView(f.out.data(), {5, 4});
  });
  add_overlap_case(cases, "out", "ids", [](Fixture& f) {
    f.out_view = TensorView(reinterpret_cast<float*>(f.ids.data()), {3, 2, 4});
  });
  expect_refusals(cases, [](Fixture& f) { embedding(f.table_view, f.ids_view, f.out_view); });
}

TEST(EmbeddingBadInput, Gradient) {
  BadCases<Fixture> cases;
  add_view_cases(
      cases, "ids", {.defines_width = true}, [](Fixture & f) -> auto& { return f.ids_view; });
  add_view_cases(
      cases, "dout", {}, [](Fixture & f) -> auto& { return f.dout; });
  add_view_cases(
      cases, "dtable", {.defines_width = true, .output = true},
      [](Fixture & f) -> auto& { return f.dtable_view; });
  add_id_cases(cases);
  cases.push_back({"half precision",
                   [](Fixture& f) {
                     f.dtable_view = TensorView(f.dtable.data(), DataType::f16, {5, 4});
                     f.dout = ConstTensorView(f.dout_storage.data(), DataType::f16, {3, 2, 4});
                   },
                   {"dtable", "f32 or f64", "f16"}});
  add_overlap_case(cases, "dtable", "dout", [](Fixture& f) {
    f.dout = ConstTensorView(f.dtable.data(), {3, 2, 4});
  });
  expect_refusals(cases, [](Fixture& f) { embedding_backward(f.ids_view, f.dout, f.dtable_view); });
}

}  // namespace
}  // namespace recur::test
