// The rule that judges every engine, judged itself: what must fail fails, what must pass passes.
#include "support/tolerance.hpp"

#include <string>
#include <vector>

#include "support/random.hpp"

namespace recur::test {
namespace {

/// A sample of just enough values: oracle values, and a naive run with an error of at most 8 eps.
struct Sample {
  Sample() {
    Random random(1);
    for (std::size_t k = 0; k < kPooledValues; ++k) {
      oracle.push_back(random.symmetric(1.0));
      error.push_back(random.symmetric(8 * 0x1p-23));
      naive.push_back(static_cast<float>(oracle[k] + error[k]));
    }
  }
  /// The oracle plus `factor` times the naive run's error.
  std::vector<double> with_error(double factor) const {
    std::vector<double> result = oracle;
    for (std::size_t k = 0; k < result.size(); ++k) result[k] += factor * error[k];
    return result;
  }
  template <class Candidate>
  ::testing::AssertionResult verdict(const Candidate& candidate) const {
    ErrorPool pool(DataType::f32);
    pool.add(oracle, naive, candidate, "seed 1");
    return pool.verdict();
  }

  std::vector<double> oracle, error;
  std::vector<float> naive;
};

TEST(Tolerance, PassesTheNaiveRunItself) {
  const Sample sample;
  EXPECT_TRUE(sample.verdict(sample.naive));
}

TEST(Tolerance, PassesTheOracleItself) {
  const Sample sample;
  EXPECT_TRUE(sample.verdict(sample.oracle));
}

TEST(Tolerance, PassesTwiceTheNaiveError) {
  const Sample sample;
  EXPECT_TRUE(sample.verdict(sample.with_error(2.0)));
}

TEST(Tolerance, FailsThreeTimesTheNaiveError) {
  const Sample sample;
  EXPECT_FALSE(sample.verdict(sample.with_error(3.0)));
}

TEST(Tolerance, FailsOneWrongValueAndSaysWhere) {
  const Sample sample;
  auto candidate = sample.with_error(0.5);
  // Small enough to leave the rms alone, so that only the maximum can see it.
  candidate[234] += 0x1p-18;
  const auto verdict = sample.verdict(candidate);
  ASSERT_FALSE(verdict);
  const std::string message = verdict.message();
  EXPECT_NE(message.find("element 234"), std::string::npos) << message;
  EXPECT_NE(message.find("seed 1"), std::string::npos) << message;
  EXPECT_NE(message.find("max error"), std::string::npos) << message;
}

TEST(Tolerance, FailsAnErrorThatOnlyTheRmsSees) {
  const Sample sample;
  // Every value wrong by 16 eps. The maximum may be 2 * 8 eps + 2 eps = 18 eps; the rms of the naive run is
  // 8 eps / sqrt(3), so the rms may be 10.4 eps.
  auto candidate = sample.oracle;
  for (double& value : candidate) value += 2 * 8 * 0x1p-23;
  const auto verdict = sample.verdict(candidate);
  ASSERT_FALSE(verdict);
  const std::string message = verdict.message();
  EXPECT_NE(message.find("max error 1.91e-06 <= "), std::string::npos) << message;
  EXPECT_NE(message.find("rms error 1.91e-06 > "), std::string::npos) << message;
}

TEST(Tolerance, FailsNonFiniteCandidates) {
  const Sample sample;
  for (double bad : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity(),
                     -std::numeric_limits<double>::infinity()}) {
    auto candidate = sample.oracle;
    candidate[7] = bad;
    const auto verdict = sample.verdict(candidate);
    ASSERT_FALSE(verdict);
    EXPECT_NE(std::string(verdict.message()).find("element 7"), std::string::npos) << verdict.message();
  }
}

TEST(Tolerance, ANaiveRunThatIsNotFiniteExcusesNothing) {
  Sample sample;
  sample.naive[7] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_FALSE(sample.verdict(sample.oracle));
  sample.naive[7] = std::numeric_limits<float>::infinity();
  EXPECT_FALSE(sample.verdict(sample.oracle));
}

TEST(Tolerance, NonFiniteOracleValuesMustBeMatched) {
  Sample sample;
  sample.oracle[3] = std::numeric_limits<double>::quiet_NaN();
  sample.oracle[4] = -std::numeric_limits<double>::infinity();
  EXPECT_TRUE(sample.verdict(sample.oracle));
  auto candidate = sample.oracle;
  candidate[3] = 0;
  EXPECT_FALSE(sample.verdict(candidate));
  candidate = sample.oracle;
  candidate[4] = -candidate[4];
  EXPECT_FALSE(sample.verdict(candidate));
}

TEST(Tolerance, FailsDifferentSizes) {
  const Sample sample;
  auto candidate = sample.oracle;
  candidate.pop_back();
  EXPECT_FALSE(sample.verdict(candidate));
}

TEST(Tolerance, NeedsEnoughValues) {
  const Sample sample;
  ErrorPool pool(DataType::f32);
  const std::vector<double> some(sample.oracle.begin(), sample.oracle.end() - 1);
  pool.add(some, some, some);
  EXPECT_FALSE(pool.enough());
  EXPECT_FALSE(pool.verdict());
  pool.add(std::vector<double>{1.0}, std::vector<double>{1.0}, std::vector<double>{1.0});
  EXPECT_TRUE(pool.enough());
  EXPECT_TRUE(pool.verdict());
}

TEST(Tolerance, AnExactNaiveRunLeavesTwoEpsilonOfTheLargestValue) {
  // 2 eps of 1.0: one ulp of 1.0 (eps) passes, four do not. Values of equal size, so that rms and max agree.
  const std::vector<double> ones(kPooledValues, 1.0);
  for (const auto& [ulps, passes] : {std::pair{1.0, true}, std::pair{4.0, false}}) {
    ErrorPool pool(DataType::f32);
    pool.add(ones, ones, std::vector<double>(kPooledValues, 1.0 + ulps * 0x1p-23));
    EXPECT_EQ(static_cast<bool>(pool.verdict()), passes) << ulps << " ulp";
  }
}

TEST(Tolerance, JudgesDoubleEnginesInMorePrecision) {
  // 1/3 lies between doubles 2^-54 apart. The bound is about 3.3 of those, and the naive error of a third of
  // one would round to nothing if the difference were taken in double.
  const long double third = 1.0L / 3;
  const std::vector<long double> oracle(kPooledValues, third);
  const std::vector<double> nearest(kPooledValues, static_cast<double>(third));
  ErrorPool good(DataType::f64);
  good.add(oracle, nearest, nearest);
  EXPECT_TRUE(good.verdict());
  ErrorPool bad(DataType::f64);
  bad.add(oracle, nearest, std::vector<double>(kPooledValues, static_cast<double>(third) + 6 * 0x1p-54));
  EXPECT_FALSE(bad.verdict());
}

TEST(Tolerance, PoolsNameTheTensor) {
  const Sample sample;
  ErrorPools pools(DataType::f32);
  EXPECT_FALSE(pools.enough());
  EXPECT_FALSE(pools.verdict()) << "nothing compared must not pass";
  pools.add("y", sample.oracle, sample.naive, sample.naive);
  pools.add("hN", sample.oracle, sample.naive, sample.with_error(3.0));
  pools.add("cN", std::vector<double>(), std::vector<float>(), std::vector<float>());
  EXPECT_TRUE(pools.enough()) << "an absent tensor needs no values";
  const auto verdict = pools.verdict();
  ASSERT_FALSE(verdict);
  const std::string message = verdict.message();
  EXPECT_NE(message.find("hN: "), std::string::npos) << message;
  EXPECT_EQ(message.find("y: "), std::string::npos) << message;
  EXPECT_EQ(pools.worst_ratio().second, "hN");
}

TEST(Tolerance, ATensorThatOneSideLacksFails) {
  ErrorPools pools(DataType::f32);
  const std::vector<double> some(kPooledValues, 1.0);
  pools.add("y", some, some, std::vector<float>());
  EXPECT_FALSE(pools.verdict());
}

}  // namespace
}  // namespace recur::test
