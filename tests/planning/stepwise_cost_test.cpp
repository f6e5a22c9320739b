// What the stepwise engine predicts of a call: small jobs counted by hand, and what must hold for all.
#include "host/gpu_pass/cost.hpp"

#include <gtest/gtest.h>

#include "host/stepwise/steps.hpp"

namespace recur::test {
namespace {

using host::RunSizes;
using host::gpu_pass::backward_seconds;
using host::gpu_pass::forward_seconds;
using host::gpu_pass::Geometry;
using host::gpu_pass::PassPlan;

// An lstm of 8 units that reads 4 values.
Geometry lstm(DataType type = DataType::f32, Cell cell = Cell::lstm) {
  host::Job job;
  job.spec.cell = cell;
  job.spec.input_size = 4;
  job.spec.hidden_size = 8;
  job.spec.dtype = type;
  job.shape = {3, 2};
  job.options.pass = Pass::training;
  return host::gpu_pass::geometry_of(job);
}
PassPlan plan_of(const Geometry& g) {
  return {g, host::stepwise::forward_steps(), host::stepwise::backward_steps()};
}

constexpr RunSizes kSizes = {3, 2};

Rates rates(double operations, double bandwidth, double launch) {
  Rates rates;
  rates.operations_per_second.f32 = operations;
  rates.levels = {{.name = "memory", .bytes_per_second = bandwidth}};
  rates.launch_seconds = launch;
  return rates;
}
// Of which only one thing costs anything to speak of.
Rates only_operations() { return rates(1, 1e30, 0); }
Rates only_bytes() { return rates(1e30, 1, 0); }
Rates only_launches() { return rates(1e30, 1e30, 1); }

double forward(const Geometry& g, const Rates& at, bool training = false) {
  return forward_seconds(plan_of(g), kSizes, training, at).value();
}
double backward(const Geometry& g, const Rates& at) {
  return backward_seconds(plan_of(g), kSizes, at).value();
}

// What is left of the inputs of the layer above is copied, forward and for dW, and dx is gone over.
TEST(StepwiseCost, Dropout) {
  Geometry with = lstm();
  with.layers = 2;
  const Geometry without = with;
  with.dropout = device::DropoutRate::of(0.5);
  const auto added = [&](auto&& seconds) { return seconds(with) - seconds(without); };
  EXPECT_NEAR(added([](const Geometry& g) { return forward(g, only_launches(), true); }), 1, 1e-6);
  EXPECT_NEAR(added([](const Geometry& g) { return backward(g, only_launches()); }), 2, 1e-6);
  const double copied = 2 * 4 * 6 * 8;
  EXPECT_NEAR(added([](const Geometry& g) { return forward(g, only_bytes(), true); }), copied, 1e-6);
  EXPECT_NEAR(added([](const Geometry& g) { return backward(g, only_bytes()); }), 2 * copied, 1e-6);
}

TEST(StepwiseCost, Operations) {
  const double input = 2 * 6 * 32 * 4, steps = 3 * 2 * 2 * 32 * 8;
  EXPECT_NEAR(forward(lstm(), only_operations()), input + steps, 1e-6);
  // dx and dW, dR, and dh of the steps.
  EXPECT_NEAR(backward(lstm(), only_operations()), 2 * input + 2 * steps, 1e-6);
}

TEST(StepwiseCost, Launches) {
  EXPECT_NEAR(forward(lstm(), only_launches()), 1 + 1 + 3 * 2, 1e-6) << "start, input product, steps";
  EXPECT_NEAR(forward(lstm(), only_launches(), true), 1 + 1 + 1 + 3 * 2, 1e-6) << "biases are combined";
  // Start and end, steps, dW, dx, dR, column sums of the biases and both results.
  EXPECT_NEAR(backward(lstm(), only_launches()), 2 + 3 * 2 + 3 + 3, 1e-6);
  // gru: R is copied in two parts, dR is two products, and one bias has two parts.
  EXPECT_NEAR(backward(lstm(DataType::f32, Cell::gru), only_launches()), 2 + 2 + 3 * 2 + 4 + 4, 1e-6);
}

// Nothing is counted of an R that is not there.
TEST(StepwiseCost, WithoutR) {
  const Geometry g = lstm(DataType::f32, Cell::min_gru);
  const double input = 2 * 6 * 16 * 4;
  EXPECT_NEAR(forward(g, only_operations()), input, 1e-6);
  EXPECT_NEAR(backward(g, only_operations()), 2 * input, 1e-6) << "dx and dW";
  EXPECT_NEAR(forward(g, only_launches()), 1 + 1 + 3, 1e-6) << "start, input product, steps";
  // Start and end, steps, dW, dx, column sums of the bias and the result.
  EXPECT_NEAR(backward(g, only_launches()), 2 + 3 + 2 + 2, 1e-6);
  const double states = 4 * 2 * 8;
  const double gates = 4 * (2 * 16 + 2 * 8) + 2 * states;
  EXPECT_NEAR(forward(g, only_bytes()), 2 * states + 4 * (6 * 4 + 4 * 16 + 6 * 16) + 3 * gates, 1e-6);
}

TEST(StepwiseCost, OfAProjection) {
  Geometry g = lstm();
  g.projection = 4;
  const double input = 2 * 6 * 32 * 4, steps = 3 * 2 * 2 * 32 * 4, projection = 3 * 2 * 2 * 4 * 8;
  EXPECT_NEAR(forward(g, only_operations()), input + steps + projection, 1e-6);
  EXPECT_NEAR(backward(g, only_operations()), 2 * (input + steps + projection), 1e-6);
  // h and c start, and end, in kernels of their own; a step has a product and a kernel more.
  EXPECT_NEAR(forward(g, only_launches()), 2 + 1 + 3 * 4, 1e-6);
  EXPECT_NEAR(backward(g, only_launches()), 4 + 3 * 4 + 4 + 3, 1e-6);
}

TEST(StepwiseCost, Bytes) {
  const double states = 4 * 2 * (2 * 8);
  const double input = 4 * (6 * 4 + 4 * 32 + 6 * 32);
  const double product = 4 * (2 * 8 + 8 * 32 + 2 * 32);
  const double gates = 4 * (2 * 2 * 32 + 2 * 8) + 2 * states;
  EXPECT_NEAR(forward(lstm(), only_bytes()), 2 * states + input + 3 * (product + gates), 1e-6);
  const double kept = 4 * 2 * 32 + states;
  const double biases = 4 * 3 * 32;
  EXPECT_NEAR(forward(lstm(), only_bytes(), true) - forward(lstm(), only_bytes()), biases + 3 * kept, 1e-6);
}

TEST(StepwiseCost, ReadsTheLevelThatHoldsIt) {
  Rates levels = only_bytes();
  levels.levels = {{"L2", 1e6, 100}, {.name = "memory", .bytes_per_second = 1}};
  EXPECT_NEAR(forward(lstm(), levels), forward(lstm(), only_bytes()) / 100, 1e-6);
}

TEST(StepwiseCost, HasTheRateOfThePrecision) {
  EXPECT_FALSE(forward_seconds(plan_of(lstm(DataType::bf16)), kSizes, false, only_operations()));
  EXPECT_FALSE(backward_seconds(plan_of(lstm(DataType::bf16)), kSizes, only_operations()));
  Geometry tf32 = lstm();
  tf32.tf32 = true;
  Rates both = only_operations();
  both.operations_per_second.tf32 = 4;
  EXPECT_NEAR(forward(tf32, both), forward(lstm(), both) / 4, 1e-6);
}

TEST(StepwiseCost, IsMonotonic) {
  const Rates at = rates(1e12, 1e10, 2e-6);
  const Geometry g = lstm();
  const auto both = [&](const Geometry& of, RunSizes sizes) {
    return *forward_seconds(plan_of(of), sizes, true, at) + *backward_seconds(plan_of(of), sizes, at);
  };
  for (std::int64_t steps = 1; steps < 20; ++steps) {
    for (const std::int64_t batch : {1, 8, 100}) {
      const double now = both(g, {steps, batch});
      EXPECT_GT(both(g, {steps + 1, batch}), now);
      EXPECT_GE(both(g, {steps, batch + 1}), now);
      Geometry larger = g;
      larger.hidden *= 2;
      EXPECT_GE(both(larger, {steps, batch}), now);
      larger = g;
      larger.layers = 2;
      EXPECT_GT(both(larger, {steps, batch}), now);
      larger = g;
      larger.directions = 2;
      EXPECT_GT(both(larger, {steps, batch}), now);
    }
  }
}

}  // namespace
}  // namespace recur::test
