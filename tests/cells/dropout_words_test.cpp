// The words that decide what is dropped, as kernels and every instruction set form them, against the
// published answers of their generator and against the oracle, whose own is written from docs/equations.md.
#include "kernels/device/dropout.cuh"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "host/cpu/simd/kernels.hpp"
#include "oracle/dropout.hpp"

namespace recur::test {
namespace {

using device::PhiloxBlock;

void expect_words(const PhiloxBlock& block, const oracle::Words& expected) {
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(block.word[i], expected[i]) << "word " << i;
}

// Those that come with Random123: zeros, ones, and digits of pi.
TEST(DropoutWords, OfTheGeneratorAreThePublishedOnes) {
  constexpr std::uint32_t kOnes = 0xffffffff;
  expect_words(device::philox({{0, 0, 0, 0}}, 0, 0), {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  expect_words(device::philox({{kOnes, kOnes, kOnes, kOnes}}, kOnes, kOnes),
               {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  expect_words(device::philox({{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}}, 0xa4093822, 0x299f31d0),
               {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

struct Place {
  std::uint64_t seed;
  std::int64_t layer, t, b, group;
};
// The least, the most of each, and steps beyond one word of the counter.
constexpr Place kPlaces[] = {
    {0, 0, 0, 0, 0},
    {(std::uint64_t{1} << 32) + 5, 1, 2, 3, 1},
    {~std::uint64_t{0}, 62, 0xffffffff, 0x7fffffff, 0x3fffffff},
    {0xfedcba9876543210, 62, (std::int64_t{1} << 33) + 9, 0x7ffffffe, 3086},
};

TEST(DropoutWords, AreTheOracles) {
  for (const Place& at : kPlaces) {
    const PhiloxBlock block = device::dropout_words(at.seed, at.layer, at.t, at.b, at.group);
    for (int i = 0; i < device::kOutputsPerBlock; ++i)
      EXPECT_EQ(block.word[i], oracle::dropout_word(at.seed, at.layer, at.t, at.b, 4 * at.group + i));
  }
}

// Counts around those of the vectors that compilers form.
TEST(DropoutWords, OfEveryInstructionSetAreThese) {
  for (const host::cpu::SimdTarget* target : host::cpu::compiled_targets()) {
    if (!host::cpu::is_supported(*target)) continue;
    for (const Place& at : kPlaces) {
      for (std::int64_t groups : {1, 3, 4, 5, 15, 16, 17, 64}) {
        SCOPED_TRACE(std::string(target->name) + " " + std::to_string(groups));
        std::vector<std::uint32_t> words(static_cast<std::size_t>(4 * groups + 1), 7);
        host::cpu::kernels_of<float>(*target).dropout_words(at.seed, at.layer, at.t, at.b, at.group, groups,
                                                            words.data());
        for (std::int64_t k = 0; k < 4 * groups; ++k) {
          ASSERT_EQ(words[static_cast<std::size_t>(k)],
                    oracle::dropout_word(at.seed, at.layer, at.t, at.b, 4 * at.group + k))
              << k;
        }
        EXPECT_EQ(words.back(), 7u) << "beyond the end";
      }
    }
  }
}

TEST(DropoutWords, AreComparedWithTheProbability) {
  const auto threshold = [](double probability) { return device::DropoutRate::of(probability).threshold; };
  EXPECT_EQ(threshold(0), 0u);
  EXPECT_EQ(threshold(0x1p-33), 0u);
  EXPECT_EQ(threshold(0.25), std::uint32_t{1} << 30);
  EXPECT_EQ(threshold(0.5), std::uint32_t{1} << 31);
  EXPECT_EQ(threshold(0x1.fffffffffffffp-1), 0xffffffffu);  // the last below 1
  EXPECT_EQ(device::DropoutRate::of(0.75).factor, 4);
}

}  // namespace
}  // namespace recur::test
