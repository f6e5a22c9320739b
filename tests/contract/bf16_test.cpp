// bf16 on the CPU: what rounding does to every kind of value, in memory and in vectors, and what is left of
// tiny and huge ones.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>

#include "engines/engine_run.hpp"
#include "engines/simd_names.hpp"
#include "host/bf16.hpp"
#include "oracle/rounding.hpp"
#include "support/random.hpp"

namespace recur::test {
namespace {

// Of every upper half, what is nearest to it and what lies between: ties, the value after, the last before.
std::vector<float> values_around_all() {
  std::vector<float> values;
  for (std::uint32_t high = 0; high < 0x10000u; ++high) {
    for (std::uint32_t low : {0x0000u, 0x0001u, 0x7fffu, 0x8000u, 0x8001u, 0xffffu})
      values.push_back(std::bit_cast<float>(high << 16 | low));
  }
  return values;
}

void expect_rounded(float value, std::uint16_t bits) {
  const float got = std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
  if (std::isnan(value)) {
    ASSERT_TRUE(std::isnan(got)) << std::hex << std::bit_cast<std::uint32_t>(value) << " gives " << bits;
    return;
  }
  const float expected = oracle::RoundToBf16{}(value);
  ASSERT_EQ(std::bit_cast<std::uint32_t>(got), std::bit_cast<std::uint32_t>(expected)) << value;
}

TEST(Bf16Storage, RoundsToTheNearestAndKeepsNan) {
  for (float value : values_around_all()) {
    expect_rounded(value, host::to_bf16(value).bits);
    if (::testing::Test::HasFatalFailure()) return;
  }
}

TEST(Bf16Storage, ReadingIsExact) {
  for (std::uint32_t bits = 0; bits < 0x10000u; ++bits) {
    const float value = host::to_float({static_cast<std::uint16_t>(bits)});
    ASSERT_EQ(std::bit_cast<std::uint32_t>(value), bits << 16);
  }
}

class Bf16Vectors : public ::testing::TestWithParam<std::string> {};

// relu(bW + bR) of units whose x and R are zero: the sum of two bf16 is any f32 about as often as not, and
// what is stored of it is rounded once.
TEST_P(Bf16Vectors, StoreRounded) {
  for (Index hidden : {37, 4096}) {  // with a ragged vector, and many values
    Spec spec{.cell = Cell::rnn, .activation = RnnActivation::relu, .input_size = 1, .hidden_size = hidden};
    spec.dtype = DataType::bf16;
    spec.bias = Bias::both;
    oracle::Problem<Bf16> problem = oracle::convert<Bf16>(random_problem(spec, 1, 1, 1));
    auto& layer = problem.layers.front();
    std::fill(layer.W.begin(), layer.W.end(), Bf16(0));
    std::fill(layer.R.begin(), layer.R.end(), Bf16(0));
    std::fill(problem.h0.begin(), problem.h0.end(), Bf16(0));
    Random random(3);
    for (std::size_t j = 0; j < layer.bW.size(); ++j) {
      layer.bW[j] = Bf16(std::exp2(static_cast<double>(random.integer(0, 3))));
      // Down to the 2^-8 that makes ties of values from 1 to 2.
      layer.bR[j] = Bf16(static_cast<double>(random.integer(1, 255)) *
                         std::exp2(static_cast<double>(random.integer(-12, -8))));
    }
    layer.bW[5] = Bf16::from_bits(0x7f81u);                // NaN
    layer.bW[6] = Bf16::from_bits(0x7f7fu);                // the largest,
    layer.bR[6] = Bf16(std::exp2(119.0));                  // and half a unit more: infinite
    layer.bW[7] = layer.bR[7] = Bf16::from_bits(0x0001u);  // subnormal
    int ties = 0;
    for (bool prepared : {false, true}) {
      EngineRun<Bf16> run(problem, Pass::inference, {.simd = GetParam(), .prepared = prepared});
      const oracle::Outputs<Bf16> outputs = run.forward();
      for (std::size_t j = 0; j < layer.bW.size(); ++j) {
        const float sum = static_cast<float>(layer.bW[j]) + static_cast<float>(layer.bR[j]);
        expect_rounded(sum, outputs.y[j].bits());
        expect_rounded(sum, outputs.hN[j].bits());
        if (::testing::Test::HasFatalFailure()) FAIL() << "unit " << j;
        ties += (std::bit_cast<std::uint32_t>(sum) & 0xffffu) == 0x8000u ? 1 : 0;
      }
    }
    EXPECT_GT(ties, hidden == 37 ? 0 : 100) << "data that says little about ties";
  }
}

INSTANTIATE_TEST_SUITE_P(Simd, Bf16Vectors, ::testing::ValuesIn(simd_names(DataType::bf16)),
                         [](const auto& instance) { return instance.param; });

}  // namespace
}  // namespace recur::test
