// Distributions of lengths, and resets.
#include "perf/lengths.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "perf/shape.hpp"
#include "recur/error.hpp"

namespace recur::perf {
namespace {

double mean(const std::vector<std::int32_t>& lengths) {
  return std::accumulate(lengths.begin(), lengths.end(), 0.0) / static_cast<double>(lengths.size());
}

TEST(Lengths, HaveTheQuantiles) {
  // 10 to 20 in the lower half, 20 to 100 in the upper.
  std::vector<std::int32_t> lengths = lengths_of({10, 20, 100}, 100, 1000);
  std::sort(lengths.begin(), lengths.end());
  EXPECT_EQ(lengths.front(), 10);
  EXPECT_NEAR(lengths[250], 15, 1);
  EXPECT_NEAR(lengths[500], 20, 1);
  EXPECT_NEAR(lengths[750], 60, 1);
  EXPECT_EQ(lengths.back(), 100);
}

// A small batch has the mean of a large one: of two halves, 15 and 60.
TEST(Lengths, SmallBatchesHaveTheMean) {
  for (const std::int64_t B : {2, 16, 64, 1000}) {
    EXPECT_NEAR(mean(lengths_of({10, 20, 100}, 100, B)), 37.5, 0.5) << "B=" << B;
  }
  EXPECT_EQ(lengths_of({10, 20, 100}, 100, 1), std::vector<std::int32_t>{20});
}

TEST(Lengths, AreClampedAndShuffledAndTheSameEachTime) {
  const std::vector<std::int32_t> lengths = lengths_of({0, 50, 100}, 60, 64);
  EXPECT_EQ(*std::max_element(lengths.begin(), lengths.end()), 60);
  EXPECT_GE(*std::min_element(lengths.begin(), lengths.end()), 1);
  EXPECT_FALSE(std::is_sorted(lengths.begin(), lengths.end()));
  EXPECT_FALSE(std::is_sorted(lengths.rbegin(), lengths.rend()));
  EXPECT_EQ(lengths, lengths_of({0, 50, 100}, 60, 64));
}

TEST(Lengths, RefusesWhatIsNoDistribution) {
  EXPECT_THROW(lengths_of({5}, 10, 2), InvalidArgument);
  EXPECT_THROW(lengths_of({5, 4}, 10, 2), InvalidArgument);
}

TEST(Lengths, ResetsComeAsOftenAsEpisodesEnd) {
  const std::vector<std::uint8_t> marks = reset_marks(50, 1000, 64);
  const double count = std::accumulate(marks.begin(), marks.end(), 0.0);
  EXPECT_NEAR(count / static_cast<double>(marks.size()), 1.0 / 50, 0.002);
  EXPECT_EQ(marks, reset_marks(50, 1000, 64));
  EXPECT_EQ(reset_marks(1, 3, 2), std::vector<std::uint8_t>(6, 1));
  EXPECT_THROW(reset_marks(0.5, 3, 2), InvalidArgument);
}

// What the carried shapes claim of their sources.
TEST(Lengths, OfCarriedShapes) {
  for (const Shape& shape : parse_shapes(carried_shapes())) {
    if (shape.length_quantiles.empty()) continue;
    const double steps = mean(lengths_of(shape.length_quantiles, shape.T, 1000));
    EXPECT_EQ(shape.length_quantiles.back(), static_cast<double>(shape.T)) << shape.name;
    if (shape.T == 102) {  // tokens of a verse
      EXPECT_NEAR(steps, 29.4, 0.5) << shape.name;
    } else {  // frames of speech, 30 ms each
      EXPECT_NEAR(steps * 0.03, 12.1, 0.1) << shape.name;
    }
  }
}

}  // namespace
}  // namespace recur::perf
