// Medians, their intervals, and when measuring stops.
#include "perf/statistics.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "recur/error.hpp"
#include "support/random.hpp"

namespace recur::perf {
namespace {

TEST(Statistics, QuantilesLieBetweenNeighbours) {
  const std::vector<double> values = {1, 2, 4, 8, 16};
  EXPECT_EQ(quantile(values, 0), 1);
  EXPECT_EQ(quantile(values, 0.5), 4);
  EXPECT_EQ(quantile(values, 0.625), 6);  // half way from the third to the fourth
  EXPECT_EQ(quantile(values, 1), 16);
  EXPECT_EQ(quantile(std::vector<double>{7}, 0.99), 7);
  EXPECT_THROW(quantile({}, 0.5), InvalidArgument);
}

TEST(Statistics, SummaryOfValuesInAnyOrder) {
  std::vector<double> values(101);
  std::iota(values.begin(), values.end(), 100.0);
  std::reverse(values.begin(), values.end());
  std::swap(values[3], values[70]);
  const Summary summary = summarize(values);
  EXPECT_EQ(summary.samples, 101u);
  EXPECT_EQ(summary.lowest, 100);
  EXPECT_EQ(summary.median, 150);
  EXPECT_EQ(summary.p99, 199);
  EXPECT_DOUBLE_EQ(summary.spread, 50.0 / 150);
}

// Ranks of the 95 % interval of the median for 25 values: the 8th and the 18th (tables of the sign test).
TEST(Statistics, IntervalHasTheRanksOfTheSignTest) {
  std::vector<double> values(25);
  std::iota(values.begin(), values.end(), 1.0);
  const Interval interval = median_interval(values);
  EXPECT_NEAR(interval.low, 8, 1);
  EXPECT_NEAR(interval.high, 18, 1);
  EXPECT_LE(interval.low, 8);
  EXPECT_GE(interval.high, 18);
}

TEST(Statistics, IntervalOfFewValuesIsAllOfThem) {
  const std::vector<double> values = {1, 5, 9};
  EXPECT_EQ(median_interval(values).low, 1);
  EXPECT_EQ(median_interval(values).high, 9);
  EXPECT_THROW(median_interval({}), InvalidArgument);
}

// What an interval promises: the median of what values are drawn from lies inside about 95 times in 100, for
// a distribution as lopsided as that of times is.
TEST(Statistics, IntervalHoldsTheTrueMedian) {
  test::Random random(1);
  constexpr int kTrials = 2000;
  int inside = 0;
  for (int trial = 0; trial < kTrials; ++trial) {
    std::vector<double> values;
    for (int i = 0; i < 41; ++i) {
      const double uniform = (random.symmetric(1) + 1) / 2;
      values.push_back(1 / (1 - 0.99 * uniform));  // its median is at uniform = 1/2
    }
    std::sort(values.begin(), values.end());
    const Interval interval = median_interval(values);
    const double truth = 1 / (1 - 0.99 * 0.5);
    inside += interval.low <= truth && truth <= interval.high ? 1 : 0;
  }
  EXPECT_GE(inside, kTrials * 94 / 100);
  EXPECT_LE(inside, kTrials * 99 / 100);  // an interval of everything is none
}

using Verdict = StoppingRule::Verdict;

TEST(StoppingRule, GoesOnUntilThereIsEnough) {
  const StoppingRule rule = {.fewest = 9, .least_seconds = 0.1};
  const std::vector<double> steady(9, 1.0);
  EXPECT_EQ(rule.judge({1, 1, 1}, 0.5), Verdict::go_on);  // too few
  EXPECT_EQ(rule.judge(steady, 0.05), Verdict::go_on);    // too soon
  EXPECT_EQ(rule.judge(steady, 0.1), Verdict::settled);
}

TEST(StoppingRule, NoiseDecides) {
  const StoppingRule rule = {.fewest = 9, .tolerance = 0.02, .least_seconds = 0.1, .most_seconds = 1};
  std::vector<double> noisy, calm;
  for (int i = 0; i < 100; ++i) {
    noisy.push_back(1 + 0.10 * (i % 10));
    calm.push_back(1 + 0.001 * (i % 10));
  }
  EXPECT_EQ(rule.judge(calm, 0.5), Verdict::settled);
  EXPECT_EQ(rule.judge(noisy, 0.5), Verdict::go_on);
  EXPECT_EQ(rule.judge(noisy, 1.0), Verdict::given_up);
  // The same noise is settled by more of it.
  std::vector<double> more;
  for (int i = 0; i < 200; ++i) more.insert(more.end(), noisy.begin(), noisy.end());
  for (std::size_t i = 0; i < more.size(); ++i) more[i] += 1e-7 * static_cast<double>(i);
  EXPECT_EQ((StoppingRule{.fewest = 9, .most = 100000, .tolerance = 0.12}.judge(noisy, 0.5)), Verdict::go_on);
  EXPECT_EQ((StoppingRule{.fewest = 9, .most = 100000, .tolerance = 0.12}.judge(more, 0.5)),
            Verdict::settled);
}

// Slow calls get four times the time for the fewest, and are three at least.
TEST(StoppingRule, GivesUpBelowTheFewestOnlyWhenCallsAreLong) {
  const StoppingRule rule = {.fewest = 9, .most_seconds = 1};
  EXPECT_EQ(rule.judge({1, 2, 3}, 3.9), Verdict::go_on);
  EXPECT_EQ(rule.judge({1, 2, 3}, 4), Verdict::given_up);
  EXPECT_EQ(rule.judge({1, 2}, 100), Verdict::go_on);
}

TEST(StoppingRule, MostIsEnough) {
  const StoppingRule rule = {.fewest = 2, .most = 4, .tolerance = 1e-9};
  EXPECT_EQ(rule.judge({1, 2, 3, 4}, 0), Verdict::settled);
}

}  // namespace
}  // namespace recur::perf
