// What the CPU engine predicts of a call: small jobs counted by hand, and what must hold for all.
#include "host/cpu/cost.hpp"

#include <gtest/gtest.h>

namespace recur::test {
namespace {

using host::RunSizes;
using host::cpu::backward_seconds;
using host::cpu::forward_seconds;
using host::cpu::Geometry;
using host::cpu::Tiling;

// Round rates, so that times can be told apart: an operation takes 1 ns, a byte 1 ns, a nonlinearity 10 ns.
Rates plain_rates() {
  Rates rates;
  rates.operations_per_second.f32 = 1e9;
  rates.activations_per_second.f32 = 1e8;
  rates.levels = {{.name = "memory", .bytes_per_second = 1e9}};
  return rates;
}

// An lstm of 32 units that reads 16 values, on one thread of a processor with 16 lanes: one panel.
Geometry lstm() {
  Geometry g{};
  g.variant = cells::Variant::lstm;
  g.traits = cells::traits_of(g.variant);
  g.tiling = Tiling{.lanes = 16,
                    .max_panel_vectors = 6,
                    .panel_vectors = 2,
                    .panel_units = 32,
                    .panels = 1,
                    .back_units = 32,
                    .back_panels = 1,
                    .input_width = 128,
                    .direction_groups = 1,
                    .batch_groups = 1,
                    .unit_groups = 1,
                    .chunk_rows = 8,
                    .gradient_rows = 8};
  g.input_size = 16;
  g.hidden = 32;
  g.layers = 1;
  g.directions = 1;
  return g;
}

double forward(const Geometry& g, RunSizes sizes, bool training = false, const Rates& rates = plain_rates()) {
  return forward_seconds(g, sizes, DataType::f32, training, rates).value();
}
double backward(const Geometry& g, RunSizes sizes, const Rates& rates = plain_rates()) {
  return backward_seconds(g, sizes, DataType::f32, rates).value();
}

void expect_nanoseconds(double seconds, double expected) { EXPECT_NEAR(1e9 * seconds, expected, 1e-3); }

constexpr double kInput = 2 * 8 * 128 * 16;    // operations of W x of all 8 rows
constexpr double kProduct = 2 * 4 * 128 * 32;  // of R h of a step
constexpr double kActivations = 10 * 4 * 32 * 5;
constexpr double kStepBytes = 4 * 4 * 32 * (4 + 1);  // W x is read, y written

TEST(CpuCost, OfAForwardPass) {
  expect_nanoseconds(forward(lstm(), {2, 4}), kInput + 2 * (kProduct + kActivations + kStepBytes));
}

TEST(CpuCost, ReadingRIsTheCostOfOneRow) {
  // A row needs 2 operations with each value of R, which is 4 bytes.
  const double R = 4 * 128 * 32;
  const double W = 4 * 128 * 16;
  expect_nanoseconds(forward(lstm(), {1, 1}), W + R + (kActivations + kStepBytes) / 4);
  // Blocks of 24 rows read it again: with slow memory that is what counts.
  Rates slow = plain_rates();
  slow.levels[0].bytes_per_second = 1e6;
  const double once = forward(lstm(), {1, 24}, false, slow), twice = forward(lstm(), {1, 25}, false, slow);
  EXPECT_NEAR(1e6 * (twice - once), R + 4 * 32 * (4 + 1) + 1e-3 * kActivations / 4, 1e-3);
}

// The first step of a layer reads weights that the other layers' have driven out of a cache that holds one's own.
TEST(CpuCost, AStackReadsItsWeightsFromTheLevelThatHoldsAllLayers) {
  Geometry g = lstm();
  g.input_size = 32;
  const double weights = 4 * 128 * (32 + 32);  // bytes of a layer
  Rates rates = plain_rates();
  rates.levels = {{.name = "cache", .bytes = 1.5 * weights, .bytes_per_second = 1e9},
                  {.name = "memory", .bytes_per_second = 1e8}};
  const double one = 1e9 * forward(g, {1, 1}, false, rates);
  g.layers = 2;
  expect_nanoseconds(forward(g, {1, 1}, false, rates), 2 * (one + 9 * weights));
  // The steps after it find their own.
  const double step = (kActivations + kStepBytes) / 4 + 4 * 128 * 32;
  expect_nanoseconds(forward(g, {2, 1}, false, rates), 2 * (one + 9 * weights + step));
}

// Rows of the layer above are copied without what is dropped, of which an element of the mask costs 60
// operations; backward does as much for dW and again for dx.
TEST(CpuCost, DropoutIsAPassOverTheInputsOfLayersAbove) {
  Geometry g = lstm();
  const auto added = [&](auto&& seconds) {
    g.dropout.reset();
    const double without = seconds();
    g.dropout = device::DropoutRate::of(0.5);
    return seconds() - without;
  };
  expect_nanoseconds(added([&] { return forward(g, {2, 4}, true); }), 0);
  g.layers = 3;
  const double inputs = 2 * 8 * 32;  // of two layers
  expect_nanoseconds(added([&] { return forward(g, {2, 4}, true); }), inputs * (60 + 2 * 4));
  expect_nanoseconds(added([&] { return backward(g, {2, 4}); }), inputs * 2 * 60);
}

TEST(CpuCost, TrainingPacksRAndKeepsGates) {
  const double packing = 4 * 2 * 128 * (32 + 16);  // R and W
  const double kept = 4 * 4 * 32 * 5;              // four gates and c
  expect_nanoseconds(forward(lstm(), {2, 4}, true) - forward(lstm(), {2, 4}), packing + 2 * kept);
}

TEST(CpuCost, UnitGroupsWaitAtEveryStep) {
  Geometry g = lstm();
  g.tiling.panel_vectors = 1;
  g.tiling.panel_units = 16;
  g.tiling.panels = 2;
  const double alone = forward(g, {2, 4});
  g.tiling.unit_groups = 2;
  Rates rates = plain_rates();
  rates.threads = 2;
  rates.operations_per_second.f32 *= 2;
  rates.activations_per_second.f32 *= 2;
  rates.levels[0].bytes_per_second *= 2;
  expect_nanoseconds(forward(g, {2, 4}, false, rates), 1e9 * alone / 2);
  rates.barrier_seconds = 1e-6;
  rates.call_seconds = 1e-3;
  // One at each step, two in the chunk, one before the first and after the last, one at the end of the layer.
  expect_nanoseconds(forward(g, {2, 4}, false, rates), 1e9 * alone / 2 + 1e6 + 1e3 * (2 + 2 + 2 + 1));
}

TEST(CpuCost, TheSmallestLevelThatHoldsRIsRead) {
  Rates rates = plain_rates();
  rates.levels = {{"L2", 4 * 128 * 32, 1e9}, {.name = "memory", .bytes_per_second = 1e6}};
  // Of the second step: the first finds W in the cache, which is not large enough for both.
  const auto second_step = [&] {
    return forward(lstm(), {2, 1}, false, rates) - forward(lstm(), {1, 1}, false, rates);
  };
  const double held = second_step();
  rates.levels[0].bytes -= 1;
  const double reads = 4 * 128 * 32;
  EXPECT_NEAR(1e6 * (second_step() - held), reads * (1 - 1e-3), 1e-3);
}

TEST(CpuCost, OfABackwardPass) {
  Geometry g = lstm();
  const double packing = 4 * 2 * 128 * 32;
  // Gates, c, c before, dh, dy and the gradients of the gates; tanh of c again.
  const double step = kProduct + 4 * 4 * 32 * (4 + 2 + 2 + 4) + 10 * 4 * 32;
  const double products = 2 * 8 * 128 * (16 + 16 + 32);
  const double sums = 4 * 2 * 128 * (16 + 32);  // of the gradients of W and R
  // x and h, gradients of sums for those of weights and for dx, W.
  const double packed = 4 * 2 * (8 * (16 + 32) + 8 * 128 + 128 * 16);
  expect_nanoseconds(backward(g, {2, 4}), packing + 2 * step + products + sums + packed);
}

TEST(CpuCost, OfAProjection) {
  Geometry g = lstm();
  g.projection = 16;
  // R has half the columns; the product with the projection fills its panel, half of which is nothing.
  const double projection = 2 * 4 * 32 * 32;
  expect_nanoseconds(forward(g, {2, 4}),
                     kInput + 2 * (kProduct / 2 + projection + kActivations + kStepBytes));

  const double packing = 4 * 2 * (128 * 16 + 16 * 32);
  const double step = kProduct + projection / 2 + 4 * 4 * 32 * (4 + 2 + 2 + 4) + 10 * 4 * 32;
  const double products = 2 * 8 * (128 * (16 + 16 + 16) + 16 * 32);
  const double sums = 4 * 2 * 128 * (16 + 16);
  const double packed = 4 * 2 * (8 * (16 + 16) + 8 * 128 + 128 * 16);
  expect_nanoseconds(backward(g, {2, 4}), packing + 2 * step + products + sums + packed);
}

TEST(CpuCost, ReluNeedsNoNonlinearity) {
  Geometry g = lstm();
  g.variant = cells::Variant::rnn_tanh;
  g.traits = cells::traits_of(g.variant);
  Geometry relu = g;
  for (const cells::Variant variant : {cells::Variant::rnn_relu, cells::Variant::rnn_relu_residual}) {
    relu.variant = variant;
    relu.traits = cells::traits_of(variant);
    expect_nanoseconds(forward(g, {2, 4}) - forward(relu, {2, 4}), 2 * 10 * 4 * 32);
  }
}

// Nothing is counted of an R that is not there: no product, no bytes, no barrier at a step.
TEST(CpuCost, WithoutR) {
  Geometry g = lstm();
  g.variant = cells::Variant::min_gru;
  g.traits = cells::traits_of(g.variant);
  g.tiling.input_width = 64;
  const double input = 2 * 8 * 64 * 16;
  const double activations = 10 * 4 * 32;     // of z
  const double moved = 4 * 4 * 32 * (2 + 1);  // W x is read, y written
  expect_nanoseconds(forward(g, {2, 4}), input + 2 * (activations + moved));
  const double packing = 4 * 2 * 64 * 16;  // W
  const double kept = 4 * 4 * 32 * 2;      // z and n
  expect_nanoseconds(forward(g, {2, 4}, true), packing + input + 2 * (activations + moved + kept));

  const double step = 4 * 4 * 32 * (2 + 1 + 1 + 2);  // z, n, dh, dy and the gradients of z and n
  const double products = 2 * 8 * 64 * (16 + 16);    // dW and dx
  const double sums = 4 * 2 * 64 * 16;
  const double packed = 4 * 2 * (8 * 16 + 8 * 64 + 64 * 16);
  expect_nanoseconds(backward(g, {2, 4}), 2 * step + products + sums + packed);

  g.tiling.panels = g.tiling.unit_groups = 2;
  g.tiling.panel_vectors = 1;
  g.tiling.panel_units = 16;
  Rates rates = plain_rates();
  const double without = forward(g, {2, 4}, false, rates);
  rates.barrier_seconds = 1e-6;
  // Two in the chunk, one before the first and after the last, one at the end of the layer.
  expect_nanoseconds(forward(g, {2, 4}, false, rates) - without, 1e3 * (2 + 2 + 1));
}

TEST(CpuCost, NoneWithoutARate) {
  EXPECT_FALSE(forward_seconds(lstm(), {2, 4}, DataType::f64, false, plain_rates()));
  EXPECT_FALSE(backward_seconds(lstm(), {2, 4}, DataType::f64, plain_rates()));
  Rates rates = plain_rates();
  rates.activations_per_second.f32 = 0;
  EXPECT_FALSE(forward_seconds(lstm(), {2, 4}, DataType::f32, false, rates));
}

// bf16 is read as half the bytes; sums and gates are f32.
TEST(CpuCost, OfBf16) {
  const auto bf16 = [](RunSizes sizes, bool training, const Rates& rates) {
    return forward_seconds(lstm(), sizes, DataType::bf16, training, rates);
  };
  Rates rates = plain_rates();
  EXPECT_FALSE(bf16({2, 4}, false, rates)) << "no rate";
  rates.operations_per_second.bf16 = 4e9;
  const double step = kActivations + 4 * 4 * 32 * 4 + 2 * 4 * 32;  // W x in f32, y in bf16
  expect_nanoseconds(*bf16({2, 4}, false, rates), kInput / 4 + 2 * (kProduct / 4 + step));
  // One row: reading R.
  expect_nanoseconds(*bf16({1, 1}, false, rates), 2 * 128 * (32 + 16) + step / 4);
  const double packing = 2 * 2 * 128 * (32 + 16);
  const double kept = 4 * 4 * 32 * 5;
  expect_nanoseconds(*bf16({2, 4}, true, rates) - *bf16({2, 4}, false, rates), packing + 2 * kept);

  // What is given and what products multiply in bf16, gates and sums in f32.
  const double back_step = kProduct / 4 + 4 * 4 * 32 * (4 + 2 + 1) + 2 * 4 * 32 * (1 + 4) + 10 * 4 * 32;
  const double products = 2 * 8 * 128 * (16 + 16 + 32) / 4.0;
  const double sums = 4 * 2 * 128 * (16 + 32);
  const double packed = 2 * 2 * (128 * 32 + 8 * (16 + 32) + 8 * 128 + 128 * 16);
  const double converted = (2 + 4) * 128 * (16 + 32);  // the gradients of W and R
  expect_nanoseconds(*backward_seconds(lstm(), {2, 4}, DataType::bf16, rates),
                     2 * back_step + products + sums + packed + converted);
  rates.operations_per_second.f32 = 0;
  EXPECT_TRUE(bf16({2, 4}, false, rates)) << "no product is f32";
}

// More work on the same tiling takes longer, and a faster machine less.
TEST(CpuCost, IsMonotonic) {
  for (const int threads : {1, 2}) {
    Geometry g = lstm();
    g.tiling.batch_groups = threads;
    g.tiling.chunk_rows = 64;
    Rates rates = plain_rates();
    rates.threads = threads;
    rates.levels = {{"L2", 40000, 4e9}, {.name = "memory", .bytes_per_second = 1e9}};
    const auto both = [&](const Geometry& of, RunSizes sizes, const Rates& at) {
      return forward(of, sizes, true, at) + backward(of, sizes, at);
    };
    for (std::int64_t steps = 1; steps < 40; ++steps) {
      for (const std::int64_t batch : {1, 4, 23, 24, 25, 64}) {
        const double now = both(g, {steps, batch}, rates);
        EXPECT_GT(both(g, {steps + 1, batch}, rates), now) << steps << " " << batch;
        EXPECT_GE(both(g, {steps, batch + 1}, rates), now) << steps << " " << batch;
        Geometry larger = g;
        larger.input_size += 1;
        EXPECT_GT(both(larger, {steps, batch}, rates), now) << steps << " " << batch;
        larger = g;
        larger.layers = 2;
        EXPECT_GT(both(larger, {steps, batch}, rates), now) << steps << " " << batch;
        Rates faster = rates;
        faster.operations_per_second.f32 *= 2;
        faster.activations_per_second.f32 *= 2;
        for (MemoryLevel& level : faster.levels) level.bytes_per_second *= 2;
        EXPECT_NEAR(both(g, {steps, batch}, faster), now / 2, 1e-9 * now);
      }
    }
  }
}

}  // namespace
}  // namespace recur::test
