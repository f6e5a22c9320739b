#include "recur/tasks/loss.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>

#include "bad_input.hpp"
#include "tensor.hpp"

namespace recur::test {
namespace {

using tasks::CrossEntropyArgs;
using tasks::mean_squared_error;
using tasks::softmax_cross_entropy;

constexpr double kEpsilon = 0x1p-52;

template <class T>
class Loss : public ::testing::Test {};
using Types = ::testing::Types<float, double>;
TYPED_TEST_SUITE(Loss, Types);

TYPED_TEST(Loss, MeanSquaredErrorByHand) {
  using T = TypeParam;
  Tensor<T> prediction({2, 2}, T{0}, 1);
  Tensor<T> target({2, 2}, T{0}, 3);
  Tensor<T> gradient({2, 2}, T{77}, 2);
  prediction.assign(std::array<T, 4>{1, 2, 3, 4});
  target.assign(std::array<T, 4>{1, 0, 6, 4});
  // (0 + 4 + 9 + 0) / 4
  EXPECT_EQ(mean_squared_error(prediction.view(), target.view(), gradient.view()), 3.25);
  EXPECT_EQ(gradient.values(), (std::vector<T>{0, 1, T{-1.5}, 0}));
  EXPECT_TRUE(gradient.untouched());
  EXPECT_EQ(mean_squared_error(prediction.view(), target.view()), 3.25);
}

TYPED_TEST(Loss, CrossEntropyByHand) {
  using T = TypeParam;
  // Logits log 1, log 2, log 5: probabilities 1/8, 2/8, 5/8. The second step is past the end.
  Tensor<T> logits({2, 1, 3}, std::numeric_limits<T>::quiet_NaN());
  for (const std::int64_t n : {0, 1, 2}) logits.at(0, 0, n) = static_cast<T>(std::log(n == 2 ? 5 : n + 1));
  Tensor<std::int32_t> labels({2, 1}, 1 << 30);
  labels.at(0, 0) = 1;
  Tensor<std::int32_t> lengths({1}, 1);
  Tensor<T> gradient({2, 1, 3}, T{77}, 1);
  CrossEntropyArgs args{logits.view(), labels.view(), lengths.view(), gradient.view()};
  const double rounding = 8 * static_cast<double>(std::numeric_limits<T>::epsilon());
  EXPECT_NEAR(softmax_cross_entropy(args), std::log(4), rounding);
  const double expected[] = {0.125, 0.25 - 1, 0.625, 0, 0, 0};
  const auto values = gradient.values();
  for (std::size_t i = 0; i < values.size(); ++i)
    EXPECT_NEAR(static_cast<double>(values[i]), expected[i], rounding);
  EXPECT_TRUE(gradient.untouched());
}

struct Batch {
  std::int64_t T = 4, B = 3, N = 5;
  Layout layout;
  std::vector<std::int64_t> outer;
  Tensor<double> logits;
  Tensor<std::int32_t> labels;
  Tensor<std::int32_t> lengths{{3}, 0};
  Tensor<double> dlogits;

  explicit Batch(Layout of)
      : layout(of),
        outer(of == Layout::time_major ? std::vector<std::int64_t>{T, B} : std::vector<std::int64_t>{B, T}),
        logits({outer[0], outer[1], N}, std::numeric_limits<double>::quiet_NaN(), 1),
        labels({outer[0], outer[1]}, -7),
        dlogits({outer[0], outer[1], N}, 77) {
    lengths.assign(std::array{3, 0, 4});
    Random random(4);
    for (std::int64_t t = 0; t < T; ++t) {
      for (std::int64_t b = 0; b < B; ++b) {
        if (t >= lengths.at(b)) continue;
        label(t, b) = static_cast<std::int32_t>(random.integer(0, N - 1));
        for (std::int64_t n = 0; n < N; ++n) logit(t, b, n) = random.symmetric(3);
      }
    }
  }
  double& logit(std::int64_t t, std::int64_t b, std::int64_t n) {
    return layout == Layout::time_major ? logits.at(t, b, n) : logits.at(b, t, n);
  }
  std::int32_t& label(std::int64_t t, std::int64_t b) {
    return layout == Layout::time_major ? labels.at(t, b) : labels.at(b, t);
  }
  double gradient(std::int64_t t, std::int64_t b, std::int64_t n) {
    return layout == Layout::time_major ? dlogits.at(t, b, n) : dlogits.at(b, t, n);
  }
  double run() {
    return softmax_cross_entropy({logits.view(), labels.view(), lengths.view(), dlogits.view(), layout});
  }
};

// Central differences of step 1e-4: the third derivative is below 1, rounding is 1e-15 / 1e-4.
TEST(CrossEntropy, GradientIsTheDifferenceOfTheValue) {
  for (const Layout layout : {Layout::time_major, Layout::batch_major}) {
    Batch batch(layout);
    const double value = batch.run();
    Batch copy(layout);
    for (std::int64_t t = 0; t < batch.T; ++t) {
      for (std::int64_t b = 0; b < batch.B; ++b) {
        for (std::int64_t n = 0; n < batch.N; ++n) {
          if (t >= batch.lengths.at(b)) {
            EXPECT_EQ(batch.gradient(t, b, n), 0);
            continue;
          }
          const double kept = copy.logit(t, b, n);
          copy.logit(t, b, n) = kept + 1e-4;
          const double above = copy.run();
          copy.logit(t, b, n) = kept - 1e-4;
          const double below = copy.run();
          copy.logit(t, b, n) = kept;
          EXPECT_NEAR(batch.gradient(t, b, n), (above - below) / 2e-4, 1e-8);
        }
      }
    }
    EXPECT_EQ(copy.run(), value);
    EXPECT_TRUE(batch.dlogits.untouched());
  }
}

TEST(CrossEntropy, LayoutsAgree) {
  Batch time(Layout::time_major);
  Batch batch(Layout::batch_major);
  for (std::int64_t t = 0; t < time.T; ++t) {
    for (std::int64_t b = 0; b < time.B; ++b) {
      batch.label(t, b) = time.label(t, b);
      for (std::int64_t n = 0; n < time.N; ++n) batch.logit(t, b, n) = time.logit(t, b, n);
    }
  }
  EXPECT_EQ(time.run(), batch.run());
}

TEST(CrossEntropy, LargeLogitsAreStable) {
  Tensor<float> logits({1, 1, 3}, 0);
  logits.assign(std::array{1e30F, 1e30F, -1e30F});
  Tensor<std::int32_t> labels({1, 1}, 0);
  Tensor<float> gradient({1, 1, 3}, 77);
  EXPECT_NEAR(softmax_cross_entropy({logits.view(), labels.view(), {}, gradient.view()}), std::log(2),
              kEpsilon);
  EXPECT_EQ(gradient.values(), (std::vector<float>{-0.5F, 0.5F, 0}));
}

TEST(CrossEntropy, NoValidStepIsNoLoss) {
  Batch batch(Layout::time_major);
  batch.lengths.assign(std::array{0, 0, -4});
  EXPECT_EQ(batch.run(), 0);
  for (double value : batch.dlogits.values()) EXPECT_EQ(value, 0);
}

// The mean of nothing, which is not 0 / 0.
TEST(CrossEntropy, OfNoStepsAndOfNoSequences) {
  for (const Layout layout : {Layout::time_major, Layout::batch_major}) {
    for (const auto& [outer, inner] : {std::pair<std::int64_t, std::int64_t>{0, 2}, {3, 0}, {0, 0}}) {
      CrossEntropyArgs args;
      args.logits = ConstTensorView(nullptr, DataType::f32, {outer, inner, 4});
      args.labels = ConstTensorView(nullptr, DataType::i32, {outer, inner});
      args.dlogits = TensorView(nullptr, DataType::f32, {outer, inner, 4});
      args.layout = layout;
      EXPECT_EQ(softmax_cross_entropy(args), 0);
      Tensor<std::int32_t> lengths({3}, 3);
      args.lengths = ConstTensorView(lengths.data(), {layout == Layout::time_major ? inner : outer});
      EXPECT_EQ(softmax_cross_entropy(args), 0);
    }
  }
}
TEST(MeanSquaredError, OfNoRows) {
  const ConstTensorView none(nullptr, DataType::f64, {0, 3});
  EXPECT_EQ(mean_squared_error(none, none, TensorView(nullptr, DataType::f64, {0, 3})), 0);
}

struct Fixture {
  Tensor<float> logits{{3, 2, 4}, 0.5F};
  Tensor<std::int32_t> labels{{3, 2}, 1};
  Tensor<std::int32_t> lengths{{2}, 3};
  Tensor<float> dlogits{{3, 2, 4}, 77.0F};
  CrossEntropyArgs args{logits.view(), labels.view(), lengths.view(), dlogits.view()};

  Tensor<float> prediction_storage{{3, 4}, 0.5F};
  Tensor<float> target_storage{{3, 4}, 0.25F};
  Tensor<float> dprediction_storage{{3, 4}, 77.0F};
  ConstTensorView prediction = prediction_storage.view();
  ConstTensorView target = target_storage.view();
  TensorView dprediction = dprediction_storage.view();

  void expect_unwritten(const std::string& label) {
    EXPECT_TRUE(dlogits.untouched(true) && dprediction_storage.untouched(true)) << label;
  }
};

TEST(LossBadInput, MeanSquaredError) {
  BadCases<Fixture> cases;
  add_view_cases(
      cases, "prediction", {.defines_width = true}, [](Fixture & f) -> auto& { return f.prediction; });
  add_view_cases(
      cases, "target", {}, [](Fixture & f) -> auto& { return f.target; });
  add_view_cases(
      cases, "dprediction", {.optional = true, .output = true},
      [](Fixture & f) -> auto& { return f.dprediction; });
  add_overlap_case(cases, "dprediction", "target",
                   [](Fixture& f) { f.dprediction = f.target_storage.view(); });
  add_overlap_case(cases, "dprediction", "prediction",
                   [](Fixture& f) { f.dprediction = f.prediction_storage.view(); });
  expect_refusals(cases, [](Fixture& f) { mean_squared_error(f.prediction, f.target, f.dprediction); });
}

TEST(LossBadInput, CrossEntropy) {
  BadCases<Fixture> cases;
  add_view_cases(
      cases, "logits", {.defines_width = true}, [](Fixture & f) -> auto& { return f.args.logits; });
  add_view_cases(
      cases, "labels", {}, [](Fixture & f) -> auto& { return f.args.labels; });
  add_view_cases(
      cases, "lengths", {.optional = true}, [](Fixture & f) -> auto& { return f.args.lengths; });
  add_view_cases(
      cases, "dlogits", {.optional = true, .output = true},
      [](Fixture & f) -> auto& { return f.args.dlogits; });
  for (const std::int32_t label : {-1, 4}) {
    cases.push_back({"label " + std::to_string(label),
                     [=](Fixture& f) { f.labels.at(2, 1) = label; },
                     {"labels", "N=4", std::to_string(label), "step 2", "sequence 1"}});
  }
  cases.push_back({"another layout", [](Fixture& f) { f.args.layout = Layout::batch_major; }, {"expected"}});
  add_overlap_case(cases, "dlogits", "logits", [](Fixture& f) { f.args.dlogits = f.logits.view(); });
  expect_refusals(cases, [](Fixture& f) { softmax_cross_entropy(f.args); });
}

}  // namespace
}  // namespace recur::test
