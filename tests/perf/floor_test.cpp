// Work and floors of small shapes, computed by hand.
#include "perf/floor.hpp"

#include <gtest/gtest.h>

#include "perf/floors/multiply_adds.hpp"
#include "perf/floors/rates.hpp"
#include "recur/error.hpp"

namespace recur::perf {
namespace {

Shape shape(const char* cell, std::int64_t T, std::int64_t B, std::int64_t I, std::int64_t H) {
  Shape shape;
  shape.cell = cell;
  shape.T = T;
  shape.B = B;
  shape.I = I;
  shape.H = H;
  return shape;
}

TEST(Work, OfOneLayer) {
  // lstm, 4 gates: W [40][6], R [40][10], biases [40] twice; 5 steps of 3 rows.
  const Work work = work_of(shape("lstm", 5, 3, 6, 10), Precision::f32, Timed::inference, {});
  EXPECT_EQ(work.operations, 2 * 15 * 40 * (6 + 10));
  EXPECT_EQ(work.recurrent_operations, 2 * 15 * 40 * 10);
  EXPECT_EQ(work.stream_bytes, 4 * 15 * (6 + 10));
  EXPECT_EQ(work.weight_bytes, 4 * 40 * (6 + 10 + 2));
  EXPECT_EQ(work.recurrent_bytes, 4 * 40 * 10);
  EXPECT_EQ(work.recurrent_reads, 5);
  EXPECT_EQ(work.chain, 5);
}

TEST(Work, OfBackward) {
  const Work forward = work_of(shape("lstm", 5, 3, 6, 10), Precision::bf16, Timed::forward, {});
  const Work backward = work_of(shape("lstm", 5, 3, 6, 10), Precision::bf16, Timed::backward, {});
  EXPECT_EQ(backward.operations, 2 * forward.operations);
  EXPECT_EQ(backward.recurrent_operations, forward.recurrent_operations);
  EXPECT_EQ(backward.weight_bytes, 2 * forward.weight_bytes);
  EXPECT_EQ(backward.stream_bytes, 2 * 15 * (6 + 6 + 10 + 10)) << "x, dx, y, dy";
}

TEST(Work, OfTwoLayersInBothDirections) {
  Shape both = shape("gru", 5, 1, 6, 10);
  both.L = 2;
  both.direction = Direction::bidirectional;
  // 3 gates: the second layer reads 20 values.
  const Work work = work_of(both, Precision::f64, Timed::inference, {});
  EXPECT_EQ(work.operations, 2 * 5 * 2 * 30 * (6 + 10 + 20 + 10));
  EXPECT_EQ(work.stream_bytes, 8 * 5 * (6 + 20));
  EXPECT_EQ(work.weight_bytes, 8 * 2 * 30 * (6 + 10 + 20 + 10 + 4));
  EXPECT_EQ(work.recurrent_reads, 5 * 2 * 2);
  EXPECT_EQ(work.chain, 6) << "a wavefront, directions side by side";
}

TEST(Work, OfRaggedLengths) {
  const std::vector<std::int32_t> lengths = {5, 1, 3};
  const Work work = work_of(shape("rnn", 8, 3, 6, 10), Precision::f32, Timed::inference, lengths);
  EXPECT_EQ(work.operations, 2 * 9 * 10 * (6 + 10));
  EXPECT_EQ(work.chain, 5) << "the longest";
  EXPECT_EQ(work.stream_bytes, 4 * (9 * 6 + 8 * 3 * 10)) << "zeros past the end are written";
}

TEST(Work, OfAStep) {
  Shape stack = shape("lstm", 100, 2, 6, 10);
  stack.L = 2;
  const Work work = work_of(stack, Precision::f32, Timed::step, {});
  EXPECT_EQ(work.operations, 2 * 2 * 40 * (6 + 10 + 10 + 10));
  EXPECT_EQ(work.stream_bytes, 4 * (2 * (6 + 10) + 2 * 2 * 2 * 2 * 10))
      << "x, y; h and c of both layers, in and out";
  EXPECT_EQ(work.recurrent_reads, 2);
}

TEST(Work, ResetBeforeTheProductTakesTwo) {
  EXPECT_EQ(work_of(shape("gru-reset-before", 5, 3, 6, 10), Precision::f32, Timed::inference, {}).chain, 10);
}

// min-gru, 2 gates: W [20][6], one bias [20]. No step waits for a product of the one before it.
TEST(Work, WithoutRCountsNone) {
  const Work work = work_of(shape("min-gru", 5, 3, 6, 10), Precision::f32, Timed::inference, {});
  EXPECT_EQ(work.operations, 2 * 15 * 20 * 6);
  EXPECT_EQ(work.recurrent_operations, 0);
  EXPECT_EQ(work.stream_bytes, 4 * 15 * (6 + 10));
  EXPECT_EQ(work.weight_bytes, 4 * 20 * (6 + 1));
  EXPECT_EQ(work.recurrent_bytes, 0);
  EXPECT_EQ(work.chain, 0);
  const Work backward = work_of(shape("min-gru", 5, 3, 6, 10), Precision::f32, Timed::backward, {});
  EXPECT_EQ(backward.operations, 2 * work.operations);
}

Work plain_work() {
  Work work;
  work.operations = 1000;
  work.recurrent_operations = 400;
  work.stream_bytes = 60;
  work.weight_bytes = 40;
  work.recurrent_bytes = 20;
  work.recurrent_reads = 10;
  work.chain = 10;
  return work;
}

Rates plain_rates() {
  Rates rates;
  rates.operations_per_second.f32 = 100;
  rates.levels = {{"small", 50, 1000}, {"large", 200, 100}, {.name = "memory", .bytes_per_second = 10}};
  return rates;
}

TEST(Floor, OfOperations) {
  const Floor floor = floor_of(plain_work(), plain_rates(), Precision::f32, false);
  EXPECT_EQ(floor.seconds, 10);
  EXPECT_EQ(floor.bound, "operations");
}

TEST(Floor, OfBytesInTheLevelThatHoldsThem) {
  Rates rates = plain_rates();
  rates.operations_per_second.f32 = 1e6;
  // 50 of 100 bytes may stay in 50, at 1000 a second, the others come from 200, at 100; R, 20 bytes, stays in
  // 50: 10 reads of 20 at 1000 a second are less.
  Floor floor = floor_of(plain_work(), rates, Precision::f32, false);
  EXPECT_DOUBLE_EQ(floor.seconds, 0.05 + 0.5);
  EXPECT_EQ(floor.bound, "bytes in large");
  floor = floor_of(plain_work(), rates, Precision::f32, true);
  EXPECT_EQ(floor.seconds, 10);
  EXPECT_EQ(floor.bound, "bytes in memory");
  Work work = plain_work();
  work.stream_bytes = 460;
  EXPECT_DOUBLE_EQ(floor_of(work, rates, Precision::f32, false).seconds, 0.05 + 2 + 25)
      << "half of 500 bytes fit nowhere";
}

TEST(Floor, OfReadingRAtEveryStep) {
  Rates rates = plain_rates();
  rates.operations_per_second.f32 = 1e6;
  Work work = plain_work();
  work.recurrent_bytes = 150;
  Floor floor = floor_of(work, rates, Precision::f32, false);
  EXPECT_DOUBLE_EQ(floor.seconds, 10 * (0.05 + 1))
      << "10 reads of 150 bytes: 50 at 1000 a second and 100 at 100";
  EXPECT_EQ(floor.bound, "steps: R in large");
  // What is resident is not read: 50 bytes are left.
  rates.resident_bytes = 100;
  rates.levels[0].bytes_per_second = 100;
  EXPECT_DOUBLE_EQ(floor_of(work, rates, Precision::f32, false).seconds, 5);
}

TEST(Floor, OfHops) {
  Rates rates = plain_rates();
  rates.resident_bytes = 1000;
  // The fastest that holds R's 20 bytes: the first is too small, the third slower.
  rates.hops = {{"block", 10, 0.1}, {"cluster", 100, 2}, {.name = "grid", .seconds = 3}};
  const Floor floor = floor_of(plain_work(), rates, Precision::f32, false);
  EXPECT_EQ(floor.seconds, 10 * 2 + 4) << "ten hops, and the operations between them";
  EXPECT_EQ(floor.bound, "steps: products, hop: cluster");
}

TEST(Floor, NoneWithoutARate) {
  EXPECT_EQ(floor_of(plain_work(), plain_rates(), Precision::bf16, false).seconds, 0);
  Rates rates = plain_rates();
  rates.levels.clear();
  EXPECT_THROW(floor_of(plain_work(), rates, Precision::f32, false), InvalidArgument);
}

TEST(Floor, RatesAreTheBetterOfTwoMeasurements) {
  Measured a{plain_rates(), {{"product", 3}, {"share", 0.5}}},
      b{plain_rates(), {{"product", 2}, {"share", 0.7}}};
  a.rates.call_seconds = 2;
  b.rates.call_seconds = 3;
  b.rates.operations_per_second.f32 = 120;
  b.rates.operations_per_second.f64 = 50;
  a.rates.levels[1].bytes_per_second = 70;
  b.rates.levels[2].bytes_per_second = 20;
  const Measured better = better_of(a, b);
  ASSERT_EQ(better.notes.size(), 2u);
  EXPECT_EQ(better.notes[0].second, 3);
  EXPECT_EQ(better.notes[1].second, 0.7);
  const Rates& best = better.rates;
  EXPECT_EQ(best.call_seconds, 2);
  EXPECT_EQ(best.operations_per_second.f32, 120);
  EXPECT_EQ(best.operations_per_second.f64, 50);
  EXPECT_EQ(best.levels[0].bytes_per_second, 1000);
  EXPECT_EQ(best.levels[1].bytes_per_second, 100);
  EXPECT_EQ(best.levels[2].bytes_per_second, 20);
}

// All that a processor has to do for the operations that are counted: the results are those of the chains.
TEST(MultiplyAdds, CountsWhatItDoes) {
  float single = 1;
  double twice = 1;
  const double lanes = multiply_add(1, single) / (2 * kMultiplyAddChains);
  EXPECT_GE(lanes, 1);
  // Halved and one more: of chains that started at 1 to 12.
  EXPECT_EQ(single, 78 / 2.0F + 12);
  EXPECT_EQ(multiply_add(5, single), 5 * lanes * 2 * kMultiplyAddChains);
  const double doubles = multiply_add(1, twice) / (2 * kMultiplyAddChains);
  EXPECT_EQ(twice, 78 / 2.0 + 12);
  EXPECT_EQ(doubles, lanes == 1 ? 1 : lanes / 2) << "half as many fit a vector, where there are any";
  multiply_add(100, twice);
  EXPECT_DOUBLE_EQ(twice, 24) << "every chain ends at 2";
}

TEST(MultiplyAdds, PairsAreTwoProducts) {
  if (!has_bf16_multiply_add()) GTEST_SKIP() << "no AVX512_BF16";
  float value = 1;
  EXPECT_EQ(multiply_add_bf16(3, value), 3 * 2 * 32 * kMultiplyAddChains);
  EXPECT_EQ(value, 78 / 12.0F) << "the mean of chains that stayed what they were";
}

}  // namespace
}  // namespace recur::perf
