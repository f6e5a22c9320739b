// What the oracle drops: the generator against its published answers, the mask against what is said of them,
// and as random numbers.
#include "oracle/dropout.hpp"

#include <gtest/gtest.h>

namespace recur::oracle {
namespace {

// The answers that come with Random123, the authors' library: zeros, ones, and digits of pi.
TEST(Philox, GivesThePublishedWords) {
  constexpr std::uint32_t kOnes = 0xffffffff;
  EXPECT_EQ(philox({0, 0, 0, 0}, {0, 0}), (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox({kOnes, kOnes, kOnes, kOnes}, {kOnes, kOnes}),
            (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

// The example of docs/equations.md, and places beyond what one word of the counter holds.
TEST(DropoutMask, HaveTheDocumentedWords) {
  constexpr std::uint64_t kSeed = (std::uint64_t(1) << 32) + 5;
  const Words expected = {0xa7d07ab8, 0xe644ee1d, 0xb3f8daf5, 0xf993c5e3};
  for (Index k = 4; k < 8; ++k)
    EXPECT_EQ(dropout_word(kSeed, 1, 2, 3, k), expected[static_cast<std::size_t>(k - 4)]);
  const Words far = {0x7b978f36, 0x4dd514e0, 0xdc34849d, 0x63f1b81d};
  for (Index k = 12344; k < 12348; ++k) {
    EXPECT_EQ(dropout_word(0xfedcba9876543210, 62, (Index(1) << 33) + 9, 0x7ffffffe, k),
              far[static_cast<std::size_t>(k - 12344)]);
  }
}

Spec stack(double dropout) {
  Spec spec;
  spec.input_size = spec.hidden_size = 40;
  spec.layers = 3;
  spec.direction = Direction::bidirectional;
  spec.dropout = dropout;
  return spec;
}
constexpr Index kT = 25, kB = 16, kColumns = 80;
constexpr std::size_t kCount = kT * kB * kColumns;

double kept_share(const std::vector<std::uint8_t>& mask) {
  double kept = 0;
  for (std::uint8_t keeps : mask) kept += keeps;
  return kept / static_cast<double>(mask.size());
}

// Within five standard deviations of a binomial share: 1 in 1.7 million of fair seeds would fail, and these
// are fixed.
TEST(DropoutMask, DropTheirShare) {
  for (double p : {0.01, 0.25, 0.5, 0.9}) {
    for (std::uint64_t seed : {std::uint64_t(0), std::uint64_t(1), std::uint64_t(2), ~std::uint64_t(0)}) {
      const auto masks = dropout_masks(stack(p), kT, kB, seed);
      ASSERT_EQ(masks.size(), 2u);
      for (const auto& mask : masks) {
        ASSERT_EQ(mask.size(), kCount);
        EXPECT_NEAR(kept_share(mask), 1 - p, 5 * std::sqrt(p * (1 - p) / kCount)) << p << " seed " << seed;
      }
    }
  }
}

TEST(DropoutMask, DropNothingBelowALeastProbability) {
  for (double p : {0.0, 0x1p-33}) {
    for (const auto& mask : dropout_masks(stack(p), kT, kB, 1)) EXPECT_EQ(kept_share(mask), 1);
  }
}

// The correlation of independent masks has deviation 1 / sqrt(count).
void expect_independent(const std::vector<std::uint8_t>& a, const std::vector<std::uint8_t>& b,
                        const std::string& what) {
  ASSERT_EQ(a.size(), b.size());
  const double mean_a = kept_share(a), mean_b = kept_share(b);
  double product = 0;
  for (std::size_t k = 0; k < a.size(); ++k) product += (a[k] - mean_a) * (b[k] - mean_b);
  const double count = static_cast<double>(a.size());
  const double deviation = std::sqrt(mean_a * (1 - mean_a) * mean_b * (1 - mean_b));
  EXPECT_LE(std::abs(product / count / deviation), 5 / std::sqrt(count)) << what;
}

TEST(DropoutMask, OfSeedsAndLayersAreIndependent) {
  const Spec spec = stack(0.5);
  const auto first = dropout_masks(spec, kT, kB, 1);
  expect_independent(first[0], first[1], "layers");
  // Seeds that differ in one bit, of either word of the key.
  for (std::uint64_t other :
       {std::uint64_t(0), std::uint64_t(3), (std::uint64_t(1) << 32) + 1, (std::uint64_t(1) << 63) + 1}) {
    const auto masks = dropout_masks(spec, kT, kB, other);
    for (std::size_t l = 0; l < 2; ++l)
      expect_independent(first[l], masks[l], "seeds 1 and " + std::to_string(other));
  }
}

TEST(DropoutMask, OfStepsSequencesAndUnitsAreIndependent) {
  const auto mask = dropout_masks(stack(0.5), kT, kB, 1)[0];
  const auto beside = [&](Index steps, Index sequences, Index units, const std::string& what) {
    std::vector<std::uint8_t> here, there;
    for (Index t = 0; t + steps < kT; ++t) {
      for (Index b = 0; b + sequences < kB; ++b) {
        for (Index k = 0; k + units < kColumns; ++k) {
          here.push_back(mask[static_cast<std::size_t>((t * kB + b) * kColumns + k)]);
          there.push_back(
              mask[static_cast<std::size_t>(((t + steps) * kB + b + sequences) * kColumns + k + units)]);
        }
      }
    }
    expect_independent(here, there, what);
  };
  beside(1, 0, 0, "steps");
  beside(0, 1, 0, "sequences");
  for (Index units : {1, 2, 3, 4, 40}) beside(0, 0, units, std::to_string(units) + " units");
  beside(1, 1, 4, "all at once");
}

// An element of the mask depends on its place alone, not on how much there is around it.
TEST(DropoutMask, OfASmallerBatchAreThoseOfALarger) {
  const Spec spec = stack(0.5);
  const auto large = dropout_masks(spec, kT, kB, 9), small = dropout_masks(spec, 4, 3, 9);
  for (std::size_t l = 0; l < 2; ++l) {
    for (Index t = 0; t < 4; ++t) {
      for (Index b = 0; b < 3; ++b) {
        for (Index k = 0; k < kColumns; ++k) {
          ASSERT_EQ(small[l][static_cast<std::size_t>((t * 3 + b) * kColumns + k)],
                    large[l][static_cast<std::size_t>((t * kB + b) * kColumns + k)]);
        }
      }
    }
  }
}

}  // namespace
}  // namespace recur::oracle
