#include "recur/tasks/affine.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "bad_input.hpp"
#include "tensor.hpp"

namespace recur::test {
namespace {

using tasks::affine;
using tasks::affine_backward;
using tasks::AffineArgs;
using tasks::AffineBackwardArgs;

template <class T>
class Affine : public ::testing::Test {};
using Types = ::testing::Types<float, double>;
TYPED_TEST_SUITE(Affine, Types);

// The kernel's panels are up to 96 columns wide (f32 in AVX-512; f64 48), its chains 256 values deep, and
// rows are copied 24 at a time: one below each, the edge, one above. Outputs are columns of y and rows of dW.
// 57 outputs of 256 inputs is the lexical model's. R = 1: a single row.
struct Sizes {
  std::int64_t rows, inputs, outputs;
};
const Sizes kSizes[] = {{1, 1, 1},     {3, 5, 7},     {1, 63, 15},  {2, 64, 16},  {3, 65, 17},
                        {2, 66, 63},   {1, 67, 64},   {2, 130, 65}, {5, 256, 57}, {23, 255, 95},
                        {24, 257, 96}, {25, 97, 193}, {257, 96, 25}};

// A sum of K products errs by at most about K eps times the sum of their magnitudes; all of them are below 1.
template <class T>
double tolerance(std::int64_t terms) {
  const auto count = static_cast<double>(terms + 1);
  return count * count * static_cast<double>(std::numeric_limits<T>::epsilon()) / 2;
}

template <class T>
struct Problem {
  explicit Problem(Sizes s)
      : sizes(s),
        x({s.rows, s.inputs}, T{0}, 3),
        W({s.outputs, s.inputs}, T{0}, 1),
        b({s.outputs}, T{0}),
        y({s.rows, s.outputs}, T{77}, 2),
        dy({s.rows, s.outputs}, T{0}, 5),
        dx({s.rows, s.inputs}, T{77}, 1),
        dW({s.outputs, s.inputs}, T{77}, 2),
        db({s.outputs}, T{77}) {
    x.randomise(Random(1, 1), 1);
    W.randomise(Random(1, 2), 1);
    b.randomise(Random(1, 3), 1);
    dy.randomise(Random(1, 4), 1);
  }
  AffineArgs forward() { return {x.view(), W.view(), b.view(), y.view()}; }
  AffineBackwardArgs backward() {
    return {x.view(), W.view(), dy.view(), dx.view(), dW.view(), db.view(), GradientMode::overwrite};
  }

  Sizes sizes;
  Tensor<T> x, W, b, y, dy, dx, dW, db;
};

TYPED_TEST(Affine, IsTheSumOfProducts) {
  for (const Sizes& s : kSizes) {
    for (const bool with_bias : {true, false}) {
      Problem<TypeParam> p(s);
      AffineArgs args = p.forward();
      if (!with_bias) args.b = {};
      affine(args);
      for (std::int64_t r = 0; r < s.rows; ++r) {
        for (std::int64_t o = 0; o < s.outputs; ++o) {
          long double sum = with_bias ? static_cast<long double>(p.b.at(o)) : 0;
          for (std::int64_t i = 0; i < s.inputs; ++i)
            sum += static_cast<long double>(p.W.at(o, i)) * p.x.at(r, i);
          EXPECT_NEAR(static_cast<double>(p.y.at(r, o)), static_cast<double>(sum),
                      tolerance<TypeParam>(s.inputs));
        }
      }
      EXPECT_TRUE(p.y.untouched());
    }
  }
}

TYPED_TEST(Affine, GradientsAreThoseOfTheSum) {
  for (const Sizes& s : kSizes) {
    Problem<TypeParam> p(s);
    affine_backward(p.backward());
    for (std::int64_t o = 0; o < s.outputs; ++o) {
      long double db = 0;
      for (std::int64_t r = 0; r < s.rows; ++r) db += p.dy.at(r, o);
      EXPECT_NEAR(static_cast<double>(p.db.at(o)), static_cast<double>(db), tolerance<TypeParam>(s.rows));
      for (std::int64_t i = 0; i < s.inputs; ++i) {
        long double dW = 0;
        for (std::int64_t r = 0; r < s.rows; ++r)
          dW += static_cast<long double>(p.dy.at(r, o)) * p.x.at(r, i);
        EXPECT_NEAR(static_cast<double>(p.dW.at(o, i)), static_cast<double>(dW),
                    tolerance<TypeParam>(s.rows));
      }
    }
    for (std::int64_t r = 0; r < s.rows; ++r) {
      for (std::int64_t i = 0; i < s.inputs; ++i) {
        long double dx = 0;
        for (std::int64_t o = 0; o < s.outputs; ++o)
          dx += static_cast<long double>(p.dy.at(r, o)) * p.W.at(o, i);
        EXPECT_NEAR(static_cast<double>(p.dx.at(r, i)), static_cast<double>(dx),
                    tolerance<TypeParam>(s.outputs));
      }
    }
    EXPECT_TRUE(p.dx.untouched() && p.dW.untouched() && p.db.untouched());
  }
}

// Linear in W, so differences of any step are exact but for rounding: sums below 40, half a unit apart.
TEST(AffineGradient, IsTheDifferenceOfForward) {
  Problem<double> p({3, 5, 4});
  affine_backward(p.backward());
  const auto objective = [&] {
    affine(p.forward());
    double sum = 0;
    for (std::int64_t r = 0; r < 3; ++r) {
      for (std::int64_t o = 0; o < 4; ++o) sum += p.dy.at(r, o) * p.y.at(r, o);
    }
    return sum;
  };
  const auto difference = [&](double& value) {
    const double kept = value;
    value = kept + 0.5;
    const double above = objective();
    value = kept - 0.5;
    const double below = objective();
    value = kept;
    return above - below;
  };
  const double rounding = 1e-13;
  for (std::int64_t o = 0; o < 4; ++o) {
    EXPECT_NEAR(p.db.at(o), difference(p.b.at(o)), rounding);
    for (std::int64_t i = 0; i < 5; ++i) EXPECT_NEAR(p.dW.at(o, i), difference(p.W.at(o, i)), rounding);
  }
  for (std::int64_t r = 0; r < 3; ++r) {
    for (std::int64_t i = 0; i < 5; ++i) EXPECT_NEAR(p.dx.at(r, i), difference(p.x.at(r, i)), rounding);
  }
}

TYPED_TEST(Affine, RowsDoNotDependOnEachOther) {
  Problem<TypeParam> all({7, 300, 57});
  affine(all.forward());
  for (std::int64_t r = 0; r < 7; ++r) {
    Problem<TypeParam> one({1, 300, 57});
    for (std::int64_t i = 0; i < 300; ++i) one.x.at(0, i) = all.x.at(r, i);
    affine(one.forward());
    for (std::int64_t o = 0; o < 57; ++o) EXPECT_EQ(one.y.at(0, o), all.y.at(r, o));
  }
}

TYPED_TEST(Affine, AccumulatesAndSkipsWhatIsNotAsked) {
  using T = TypeParam;
  Problem<T> p({2, 3, 4});
  p.x = Tensor<T>({2, 3}, T{2}, 3);
  p.dy = Tensor<T>({2, 4}, T{3}, 5);
  AffineBackwardArgs args = p.backward();
  args.mode = GradientMode::accumulate;
  affine_backward(args);
  EXPECT_EQ(p.dW.at(3, 2), 77 + 2 * 2 * 3);
  EXPECT_EQ(p.db.at(0), 77 + 2 * 3);

  AffineBackwardArgs only_bias;
  only_bias.dy = p.dy.view();
  only_bias.db = p.db.view();
  affine_backward(only_bias);
  EXPECT_EQ(p.db.at(0), 6);
  Problem<T> fresh({2, 3, 4});
  AffineBackwardArgs only_dx;
  only_dx.W = fresh.W.view();
  only_dx.dy = fresh.dy.view();
  only_dx.dx = fresh.dx.view();
  affine_backward(only_dx);
  EXPECT_TRUE(fresh.dW.untouched(true) && fresh.db.untouched(true));
  EXPECT_FALSE(fresh.dx.untouched(true));
}

// A batch without rows, whose views may have no memory.
TYPED_TEST(Affine, OfNoRows) {
  using T = TypeParam;
  Problem<T> p({3, 5, 4});
  AffineArgs forward = p.forward();
  AffineBackwardArgs backward = p.backward();
  const DataType type = forward.x.type();
  forward.x = backward.x = ConstTensorView(nullptr, type, {0, 5});
  forward.y = TensorView(nullptr, type, {0, 4});
  backward.dy = ConstTensorView(nullptr, type, {0, 4});
  backward.dx = TensorView(nullptr, type, {0, 5});
  EXPECT_NO_THROW(affine(forward));
  backward.mode = GradientMode::accumulate;
  affine_backward(backward);
  EXPECT_TRUE(p.dW.untouched(true) && p.db.untouched(true)) << "nothing is added";
  backward.mode = GradientMode::overwrite;
  affine_backward(backward);
  EXPECT_TRUE(p.dW.untouched() && p.db.untouched()) << "gaps stay";
  for (const T value : p.dW.values()) EXPECT_EQ(value, 0);
  for (const T value : p.db.values()) EXPECT_EQ(value, 0);
}

struct Fixture {
  Problem<float> p{{3, 5, 4}};
  AffineArgs forward = p.forward();
  AffineBackwardArgs backward = p.backward();
  void expect_unwritten(const std::string& label) {
    EXPECT_TRUE(p.y.untouched(true) && p.dx.untouched(true) && p.dW.untouched(true) && p.db.untouched(true))
        << label;
  }
};

TEST(AffineBadInput, Forward) {
  BadCases<Fixture> cases;
  add_view_cases(
      cases, "x", {.defines_width = true}, [](Fixture & f) -> auto& { return f.forward.x; });
  add_view_cases(
      cases, "W", {}, [](Fixture & f) -> auto& { return f.forward.W; });
  add_view_cases(
      cases, "b", {.optional = true}, [](Fixture & f) -> auto& { return f.forward.b; });
  add_view_cases(
      cases, "y", {.output = true}, [](Fixture & f) -> auto& { return f.forward.y; });
  cases.push_back({"f32 weights for f64 rows",
                   [](Fixture& f) {
                     f.forward.x = ConstTensorView(f.p.x.data(), DataType::f64, {1, 5});
                   },
                   {"W", "f64", "f32"}});
  add_overlap_case(cases, "y", "x", [](Fixture& f) { f.forward.x = ConstTensorView(f.p.y.data(), {3, 5}); });
  add_overlap_case(cases, "y", "W", [](Fixture& f) { f.forward.W = ConstTensorView(f.p.y.data(), {4, 5}); });
  add_overlap_case(cases, "y", "b", [](Fixture& f) { f.forward.b = ConstTensorView(f.p.y.data(), {4}); });
  expect_refusals(cases, [](Fixture& f) { affine(f.forward); });
}

TEST(AffineBadInput, Backward) {
  BadCases<Fixture> cases;
  const ViewRole wide_output{.optional = true, .defines_width = true, .output = true};
  add_view_cases(
      cases, "x", {}, [](Fixture & f) -> auto& { return f.backward.x; });
  add_view_cases(
      cases, "W", {}, [](Fixture & f) -> auto& { return f.backward.W; });
  add_view_cases(
      cases, "dy", {.defines_width = true}, [](Fixture & f) -> auto& { return f.backward.dy; });
  add_view_cases(
      cases, "dx", wide_output, [](Fixture & f) -> auto& { return f.backward.dx; });
  add_view_cases(
      cases, "dW", wide_output, [](Fixture & f) -> auto& { return f.backward.dW; });
  add_view_cases(
      cases, "db", {.optional = true, .output = true}, [](Fixture & f) -> auto& { return f.backward.db; });
  cases.push_back({"no gradient",
                   [](Fixture& f) { f.backward.dx = f.backward.dW = f.backward.db = {}; },
                   {"dx", "none"}});
  add_overlap_case(cases, "dx", "dy", [](Fixture& f) {
    f.backward.dy = ConstTensorView(f.p.dx.data(), {3, 4});
  });
  add_overlap_case(cases, "dW", "W", [](Fixture& f) {
    f.backward.W = ConstTensorView(f.p.dW.data(), {4, 5});
  });
  add_overlap_case(cases, "db", "dx", [](Fixture& f) { f.backward.db = TensorView(f.p.dx.data(), {4}); });
  expect_refusals(cases, [](Fixture& f) { affine_backward(f.backward); });
}

}  // namespace
}  // namespace recur::test
