#include "recur/tasks/optimizer.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>

#include "bad_input.hpp"
#include "tensor.hpp"

namespace recur::test {
namespace {

using tasks::adam_step;
using tasks::AdamOptions;
using tasks::clip_global_norm;
using tasks::sgd_step;
using tasks::SgdOptions;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

template <class T>
class Optimizer : public ::testing::Test {};
using Types = ::testing::Types<float, double>;
TYPED_TEST_SUITE(Optimizer, Types);

// Powers of two throughout, so that every number below is exact in either type.
TYPED_TEST(Optimizer, SgdByHand) {
  using T = TypeParam;
  Tensor<T> parameter({1, 2}, T{8}, 1);
  Tensor<T> gradient({1, 2}, T{4}, 3);
  gradient.at(0, 1) = -2;
  sgd_step({0.5, 0}, parameter.view(), gradient.view());
  EXPECT_EQ(parameter.values(), (std::vector<T>{6, 9}));
  EXPECT_TRUE(parameter.at(0, 2) == 8) << "the gap between rows";
}

TYPED_TEST(Optimizer, MomentumByHand) {
  using T = TypeParam;
  Tensor<T> parameter({2}, T{8});
  Tensor<T> gradient({2}, T{4});
  Tensor<T> velocity({2}, T{0});
  const SgdOptions options{0.25, 0.5};
  sgd_step(options, parameter.view(), gradient.view(), velocity.view());  // v = 4
  EXPECT_EQ(parameter.at(0), 7);
  sgd_step(options, parameter.view(), gradient.view(), velocity.view());  // v = 2 + 4
  EXPECT_EQ(parameter.at(0), 5.5);
  EXPECT_EQ(velocity.at(1), 6);
}

// The algorithm as printed in the paper, in long double.
TYPED_TEST(Optimizer, AdamIsThePapersAlgorithm) {
  using T = TypeParam;
  const AdamOptions options{0.01, 0.9, 0.999, 1e-8};
  Tensor<T> parameter({2, 3, 2}, T{0}, 1);
  Tensor<T> gradient({2, 3, 2}, T{0}, 2);
  Tensor<T> m({2, 3, 2}, T{0}, 3);
  Tensor<T> v({2, 3, 2}, T{0});
  parameter.randomise(Random(1), 1);
  const auto start = parameter.values();
  std::vector<long double> p(start.begin(), start.end());
  std::vector<long double> first(p.size()), second(p.size());
  for (std::int64_t step = 1; step <= 20; ++step) {
    gradient.randomise(Random(2, static_cast<std::uint64_t>(step)), 1);
    adam_step(options, step, parameter.view(), gradient.view(), m.view(), v.view());
    const auto g = gradient.values();
    for (std::size_t i = 0; i < p.size(); ++i) {
      const auto d = static_cast<long double>(g[i]);
      first[i] = 0.9L * first[i] + 0.1L * d;
      second[i] = 0.999L * second[i] + 0.001L * d * d;
      const long double mean = first[i] / (1 - std::pow(0.9L, step));
      const long double square = second[i] / (1 - std::pow(0.999L, step));
      p[i] -= 0.01L * mean / (std::sqrt(square) + 1e-8L);
    }
  }
  // Twenty updates of about 0.01, each with a few roundings of the moments (relative) and one of the
  // parameter.
  const double tolerance = 20 * (1 + 0.1) * static_cast<double>(std::numeric_limits<T>::epsilon());
  const auto end = parameter.values();
  for (std::size_t i = 0; i < p.size(); ++i) {
    EXPECT_NEAR(static_cast<double>(end[i]), static_cast<double>(p[i]), tolerance);
  }
}

// Under Adam the first step moves every parameter by the learning rate, whatever the size of its gradient.
TEST(Adam, FirstStepIsTheLearningRate) {
  Tensor<double> parameter({3}, 1);
  Tensor<double> gradient({3}, 0);
  gradient.assign(std::array{1e-3, 5.0, -1e6});
  Tensor<double> m({3}, 0);
  Tensor<double> v({3}, 0);
  adam_step({}, 1, parameter.view(), gradient.view(), m.view(), v.view());
  EXPECT_NEAR(parameter.at(0), 1 - 1e-3, 1e-7);
  EXPECT_NEAR(parameter.at(1), 1 - 1e-3, 1e-7);
  EXPECT_NEAR(parameter.at(2), 1 + 1e-3, 1e-7);
}

TEST(ClipGlobalNorm, ScalesAllTensorsAlike) {
  Tensor<float> a({1, 2}, 3, 2);
  Tensor<double> b({2}, 0);
  a.at(0, 1) = 4;
  b.assign(std::array{12.0, 84.0});  // 3 4 12 84: norm 85
  const std::array<TensorView, 2> all{a.view(), b.view()};
  EXPECT_EQ(clip_global_norm(all, 85), 85);
  EXPECT_EQ(b.at(1), 84) << "at the limit nothing changes";
  EXPECT_EQ(clip_global_norm(all, 42.5), 85);
  EXPECT_EQ(a.values(), (std::vector<float>{1.5F, 2}));
  EXPECT_EQ(b.values(), (std::vector<double>{6, 42}));
  EXPECT_EQ(a.at(0, 2), 3) << "the gap between rows";
}

TEST(ClipGlobalNorm, LeavesWhatIsNotFinite) {
  for (const double bad : {kInfinity, std::numeric_limits<double>::quiet_NaN()}) {
    Tensor<double> a({2}, 100);
    a.at(1) = bad;
    const std::array<TensorView, 1> all{a.view()};
    EXPECT_FALSE(std::isfinite(clip_global_norm(all, 1)));
    EXPECT_EQ(a.at(0), 100);
  }
}

// Many tensors, more than an overlap check of one call holds.
TEST(ClipGlobalNorm, TakesAnyNumberOfTensors) {
  std::vector<Tensor<float>> tensors(100, Tensor<float>({1}, 1));
  std::vector<TensorView> views;
  views.reserve(tensors.size());
  for (auto& tensor : tensors) views.push_back(tensor.view());
  EXPECT_EQ(clip_global_norm(views, 5), 10);
  EXPECT_EQ(tensors[99].at(0), 0.5F);
}

struct Fixture {
  Tensor<float> parameter_storage{{3, 4}, 77.0F};
  Tensor<float> gradient_storage{{3, 4}, 1.0F};
  Tensor<float> m_storage{{3, 4}, 77.0F};
  Tensor<float> v_storage{{3, 4}, 77.0F};
  TensorView parameter = parameter_storage.view();
  ConstTensorView gradient = gradient_storage.view();
  TensorView m = m_storage.view();
  TensorView v = v_storage.view();
  SgdOptions sgd{0.1, 0.9};
  AdamOptions adam;
  std::int64_t step = 1;
  double max_norm = 1;

  void expect_unwritten(const std::string& label) {
    EXPECT_TRUE(parameter_storage.untouched(true) && m_storage.untouched(true) && v_storage.untouched(true))
        << label;
  }
};

void add_common_cases(BadCases<Fixture>& cases) {
  add_view_cases(
      cases, "parameter", {.defines_width = true, .output = true},
      [](Fixture & f) -> auto& { return f.parameter; });
  // Of any rank: another one is noticed at the gradient.
  std::erase_if(cases, [](const auto& bad) { return bad.label == "parameter of another rank"; });
  add_view_cases(
      cases, "gradient", {}, [](Fixture & f) -> auto& { return f.gradient; });
  cases.push_back(
      {"half precision",
       [](Fixture& f) { f.parameter = remake(f.parameter, f.parameter.data(), DataType::bf16, 0); },
       {"parameter", "f32 or f64"}});
  add_overlap_case(cases, "parameter", "gradient",
                   [](Fixture& f) { f.gradient = f.parameter_storage.view(); });
}

template <class Set>
void add_option_cases(BadCases<Fixture>& cases, const std::string& name, const std::vector<double>& values,
                      Set set) {
  for (const double value : values) {
    cases.push_back({name + " " + std::to_string(value), [=](Fixture& f) { set(f) = value; }, {name}});
  }
}

const double kNan = std::numeric_limits<double>::quiet_NaN();

TEST(OptimizerBadInput, Sgd) {
  BadCases<Fixture> cases;
  add_common_cases(cases);
  add_view_cases(
      cases, "velocity", {.output = true}, [](Fixture & f) -> auto& { return f.v; });
  add_option_cases(
      cases, "learning_rate", {-0.1, kInfinity, kNan},
      [](Fixture & f) -> auto& { return f.sgd.learning_rate; });
  add_option_cases(
      cases, "momentum", {-0.1, 1, kNan}, [](Fixture & f) -> auto& { return f.sgd.momentum; });
  cases.push_back(
      {"velocity without momentum", [](Fixture& f) { f.sgd.momentum = 0; }, {"velocity", "momentum is 0"}});
  add_overlap_case(cases, "velocity", "parameter", [](Fixture& f) { f.v = f.parameter; });
  cases.back().message = {"velocity", "parameter"};
  expect_refusals(cases, [](Fixture& f) { sgd_step(f.sgd, f.parameter, f.gradient, f.v); });
}

TEST(OptimizerBadInput, Adam) {
  BadCases<Fixture> cases;
  add_common_cases(cases);
  add_view_cases(
      cases, "m", {.output = true}, [](Fixture & f) -> auto& { return f.m; });
  add_view_cases(
      cases, "v", {.output = true}, [](Fixture & f) -> auto& { return f.v; });
  add_option_cases(
      cases, "learning_rate", {-1, kInfinity, kNan},
      [](Fixture & f) -> auto& { return f.adam.learning_rate; });
  add_option_cases(
      cases, "beta1", {-0.1, 1, kNan}, [](Fixture & f) -> auto& { return f.adam.beta1; });
  add_option_cases(
      cases, "beta2", {-0.1, 1, kNan}, [](Fixture & f) -> auto& { return f.adam.beta2; });
  add_option_cases(
      cases, "epsilon", {0, -1, kInfinity, kNan}, [](Fixture & f) -> auto& { return f.adam.epsilon; });
  for (const std::int64_t step : {0, -1}) {
    cases.push_back(
        {"step " + std::to_string(step), [=](Fixture& f) { f.step = step; }, {"step", "at least 1"}});
  }
  add_overlap_case(cases, "m", "v", [](Fixture& f) { f.v = f.m; });
  expect_refusals(cases, [](Fixture& f) { adam_step(f.adam, f.step, f.parameter, f.gradient, f.m, f.v); });
}

TEST(OptimizerBadInput, Clip) {
  BadCases<Fixture> cases;
  add_view_cases(
      cases, "gradients", {.defines_width = true, .output = true},
      [](Fixture & f) -> auto& { return f.parameter; });
  std::erase_if(cases, [](const auto& bad) {
    return bad.label == "gradients of another rank" ||
           bad.label == "gradients too wide";  // any shape will do
  });
  add_option_cases(
      cases, "max_norm", {0, -1, kInfinity, kNan}, [](Fixture & f) -> auto& { return f.max_norm; });
  add_overlap_case(cases, "gradients", "gradients", [](Fixture& f) { f.m = f.parameter; });
  expect_refusals(cases, [](Fixture& f) {
    const std::array<TensorView, 2> all{f.parameter, f.m};
    clip_global_norm(all, f.max_norm);
  });
  expect_throws<InvalidArgument>([] { clip_global_norm({}, 1); }, {"gradients", "at least one"}, "no tensor");
}

}  // namespace
}  // namespace recur::test
