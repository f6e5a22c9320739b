#include "recur/tasks/crf.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>

#include "crf_reference.hpp"
#include "tensor.hpp"

namespace recur::test {
namespace {

using tasks::crf_decode;
using tasks::crf_decode_workspace;
using tasks::crf_log_partition;
using tasks::crf_log_partition_workspace;
using tasks::crf_loss;
using tasks::crf_loss_workspace;
using tasks::CrfDecodeArgs;
using tasks::CrfLogPartitionArgs;
using tasks::CrfLossArgs;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Scores stay below about 50 and a few hundred fp64 operations touch them: 300 * 50 * 2^-53.
constexpr double kTolerance = 2e-12;

// A batch of sequences in one layout, with every output of every function. Emissions and labels past the ends
// are poison that no result may depend on.
template <class T>
struct Batch {
  Batch(std::int64_t labels, std::vector<std::int32_t> sequence_lengths, Layout batch_layout,
        std::int64_t gap = 0)
      : N(labels),
        B(static_cast<std::int64_t>(sequence_lengths.size())),
        layout(batch_layout),
        steps(std::max(1, *std::max_element(sequence_lengths.begin(), sequence_lengths.end()))),
        emissions(outer(labels), std::numeric_limits<T>::quiet_NaN(), gap),
        weights({labels + 2, labels}, T{0}, gap),
        path(outer(0), 1 << 30, 0),
        lengths({B}, 0),
        dloss({B}, T{1}),
        log_partition({B}, T{77}),
        marginals(outer(labels), T{77}, gap),
        loss({B}, T{77}),
        demissions(outer(labels), T{77}, gap),
        dweights({labels + 2, labels}, T{77}, gap),
        best(outer(0), 77),
        scores({B}, T{77}) {
    lengths.assign(sequence_lengths);
  }

  // [T][B][last] or [B][T][last]; two dimensions where `last` is 0.
  std::vector<std::int64_t> outer(std::int64_t last) const {
    std::vector<std::int64_t> shape{steps, B};
    if (layout == Layout::batch_major) std::swap(shape[0], shape[1]);
    if (last > 0) shape.push_back(last);
    return shape;
  }

  template <class Element>
  Element& element(Tensor<Element>& tensor, std::int64_t t, std::int64_t b, std::int64_t n = 0) {
    return layout == Layout::time_major ? tensor.at(t, b, n) : tensor.at(b, t, n);
  }

  void fill(std::int64_t b, const ChainProblem& chain, const std::vector<std::int32_t>& labels) {
    for (std::int64_t t = 0; t < chain.length(); ++t) {
      element(path, t, b) = labels[static_cast<std::size_t>(t)];
      for (std::int64_t n = 0; n < N; ++n) element(emissions, t, b, n) = static_cast<T>(chain.emission(t, n));
    }
    for (std::int64_t i = 0; i < N + 2; ++i) {
      for (std::int64_t n = 0; n < N; ++n) weights.at(i, n) = static_cast<T>(chain.weight(i, n));
    }
  }

  void run(GradientMode mode = GradientMode::overwrite) {
    CrfLogPartitionArgs partition;
    partition.emissions = emissions.view();
    partition.weights = weights.view();
    partition.lengths = lengths.view();
    partition.log_partition = log_partition.view();
    partition.marginals = marginals.view();
    partition.layout = layout;
    Workspace partition_space(crf_log_partition_workspace(steps, N));
    crf_log_partition(partition, partition_space.span());

    CrfLossArgs likelihood;
    likelihood.emissions = emissions.view();
    likelihood.weights = weights.view();
    likelihood.labels = path.view();
    likelihood.lengths = lengths.view();
    likelihood.dloss = dloss.view();
    likelihood.loss = loss.view();
    likelihood.demissions = demissions.view();
    likelihood.dweights = dweights.view();
    likelihood.mode = mode;
    likelihood.layout = layout;
    Workspace loss_space(crf_loss_workspace(steps, N));
    crf_loss(likelihood, loss_space.span());

    CrfDecodeArgs decode;
    decode.emissions = emissions.view();
    decode.weights = weights.view();
    decode.lengths = lengths.view();
    decode.labels = best.view();
    decode.scores = scores.view();
    decode.layout = layout;
    Workspace decode_space(crf_decode_workspace(steps, N));
    crf_decode(decode, decode_space.span());

    EXPECT_TRUE(log_partition.untouched() && marginals.untouched() && loss.untouched());
    EXPECT_TRUE(demissions.untouched() && dweights.untouched() && best.untouched() && scores.untouched());
  }

  std::int64_t N;
  std::int64_t B;
  Layout layout;
  std::int64_t steps;
  Tensor<T> emissions, weights;
  Tensor<std::int32_t> path, lengths;
  Tensor<T> dloss, log_partition, marginals, loss, demissions, dweights;
  Tensor<std::int32_t> best;
  Tensor<T> scores;
};

// Random scores; with `levels` > 0 they are small integers, so that many paths tie.
ChainProblem random_chain(std::int64_t labels, std::int64_t length, std::uint64_t seed,
                          std::int64_t levels = 0) {
  Random random(seed);
  const auto draw = [&](std::int64_t count) {
    std::vector<double> values(static_cast<std::size_t>(count));
    for (double& value : values) {
      value = levels > 0 ? static_cast<double>(random.integer(0, levels - 1))
                         : static_cast<double>(static_cast<float>(random.symmetric(4)));
    }
    return values;
  };
  return {labels, draw(length * labels), draw((labels + 2) * labels)};
}

std::vector<std::int32_t> random_path(const ChainProblem& chain, std::uint64_t seed) {
  Random random(seed, 9);
  std::vector<std::int32_t> path(static_cast<std::size_t>(chain.length()));
  for (auto& label : path) label = static_cast<std::int32_t>(random.integer(0, chain.labels - 1));
  return path;
}

struct Case {
  std::int64_t labels;
  std::int64_t length;
};

// N = 1: a single path. 2, 3: the smallest asymmetric transitions. 5: odd. Length 0, 1: no transition; 2:
// one; longer: start and end in different steps than transitions. N^n stays below 4096.
const Case kCases[] = {{1, 0}, {1, 1}, {1, 4}, {2, 0}, {2, 1}, {2, 2},
                       {2, 9}, {3, 1}, {3, 2}, {3, 6}, {5, 3}, {5, 5}};

TEST(Crf, AgreesWithTheEnumerationOfAllPaths) {
  for (const Case& c : kCases) {
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
      SCOPED_TRACE("N " + std::to_string(c.labels) + ", length " + std::to_string(c.length) + ", seed " +
                   std::to_string(seed));
      const ChainProblem chain = random_chain(c.labels, c.length, seed);
      const std::vector<std::int32_t> path = random_path(chain, seed);
      const Enumeration expected = enumerate(chain);
      Batch<double> batch(c.labels, {static_cast<std::int32_t>(c.length)}, Layout::time_major);
      batch.fill(0, chain, path);
      batch.run();

      EXPECT_NEAR(batch.log_partition.at(0), expected.log_partition, kTolerance);
      EXPECT_NEAR(batch.loss.at(0), expected.log_partition - chain.score(path), kTolerance);
      EXPECT_NEAR(batch.scores.at(0), c.length == 0 ? 0 : expected.best_score, kTolerance);

      std::vector<double> uses(chain.weights.size());
      for (std::size_t t = 0; t < path.size(); ++t) {
        const auto use = [&](std::int64_t row) { uses[ChainProblem::index(row * c.labels + path[t])] += 1; };
        if (t == 0) use(0);
        if (t + 1 == path.size()) use(1);
        if (t > 0) use(2 + path[t - 1]);
      }
      for (std::int64_t i = 0; i < c.labels + 2; ++i) {
        for (std::int64_t n = 0; n < c.labels; ++n) {
          const std::size_t at = ChainProblem::index(i * c.labels + n);
          EXPECT_NEAR(batch.dweights.at(i, n), expected.weight_expects[at] - uses[at], kTolerance)
              << i << " " << n;
        }
      }
      for (std::int64_t t = 0; t < c.length; ++t) {
        EXPECT_EQ(batch.best.at(t, 0), expected.best[static_cast<std::size_t>(t)]);
        for (std::int64_t n = 0; n < c.labels; ++n) {
          const double marginal = expected.marginals[ChainProblem::index(t * c.labels + n)];
          const bool is_label = path[static_cast<std::size_t>(t)] == n;
          EXPECT_NEAR(batch.marginals.at(t, 0, n), marginal, kTolerance);
          EXPECT_NEAR(batch.demissions.at(t, 0, n), marginal - (is_label ? 1 : 0), kTolerance);
        }
      }
    }
  }
}

// The gradients are those of the value that the function itself returns. Central differences of step 1e-4 err
// by step^2 / 6 times a third derivative below 1, and by 2e-12 / 1e-4 for rounding: 2e-8 in all.
TEST(Crf, GradientsAreFiniteDifferencesOfTheLoss) {
  const std::int64_t N = 4;
  const std::vector<std::int32_t> lengths{6, 0, 1, 3};
  Batch<double> batch(N, lengths, Layout::time_major);
  for (std::int64_t b = 0; b < batch.B; ++b) {
    const ChainProblem chain =
        random_chain(N, lengths[static_cast<std::size_t>(b)], 20 + static_cast<std::uint64_t>(b));
    batch.fill(b, chain, random_path(chain, 3));
    batch.dloss.at(b) = 0.5 + static_cast<double>(b);
  }
  batch.run();
  const std::vector<double> demissions = batch.demissions.values();
  const std::vector<double> dweights = batch.dweights.values();

  const auto objective = [&] {
    batch.run();
    double sum = 0;
    for (std::int64_t b = 0; b < batch.B; ++b) sum += batch.dloss.at(b) * batch.loss.at(b);
    return sum;
  };
  const auto difference = [&](double& value) {
    const double step = 1e-4;
    const double kept = value;
    value = kept + step;
    const double above = objective();
    value = kept - step;
    const double below = objective();
    value = kept;
    return (above - below) / (2 * step);
  };
  std::size_t at = 0;
  for (std::int64_t t = 0; t < batch.steps; ++t) {
    for (std::int64_t b = 0; b < batch.B; ++b) {
      const bool valid = t < lengths[static_cast<std::size_t>(b)];
      for (std::int64_t n = 0; n < N; ++n, ++at) {
        const double expected = valid ? difference(batch.emissions.at(t, b, n)) : 0;
        EXPECT_NEAR(demissions[at], expected, valid ? 2e-8 : 0) << t << " " << b << " " << n;
      }
    }
  }
  at = 0;
  for (std::int64_t i = 0; i < N + 2; ++i) {
    for (std::int64_t n = 0; n < N; ++n, ++at) {
      EXPECT_NEAR(dweights[at], difference(batch.weights.at(i, n)), 2e-8) << i << " " << n;
    }
  }
}

TEST(Crf, TiesPreferTheLowestLabelsFromTheBack) {
  for (const Case& c : kCases) {
    for (std::uint64_t seed = 1; c.length > 0 && seed <= 20; ++seed) {
      const ChainProblem chain = random_chain(c.labels, c.length, seed, 2);
      Batch<double> batch(c.labels, {static_cast<std::int32_t>(c.length)}, Layout::time_major);
      batch.fill(0, chain, random_path(chain, seed));
      batch.run();
      EXPECT_EQ(batch.best.values(), enumerate(chain).best) << c.labels << " " << c.length << " " << seed;
    }
  }
}

template <class T>
class CrfBatch : public ::testing::Test {};
using Types = ::testing::Types<float, double>;
TYPED_TEST_SUITE(CrfBatch, Types);

// Lengths with 0, 1 and T among them, unsorted; both layouts; rows with gaps.
TYPED_TEST(CrfBatch, EqualsOneByOneToTheBit) {
  const std::int64_t N = 5;
  const std::vector<std::int32_t> lengths{3, 0, 9, 1, 4, 9, 2};
  for (const Layout layout : {Layout::time_major, Layout::batch_major}) {
    Batch<TypeParam> all(N, lengths, layout, 3);
    std::vector<ChainProblem> chains;
    for (std::int64_t b = 0; b < all.B; ++b) {
      ChainProblem chain =
          random_chain(N, lengths[static_cast<std::size_t>(b)], 40 + static_cast<std::uint64_t>(b));
      chain.weights = random_chain(N, 1, 7).weights;
      all.fill(b, chain, random_path(chain, 5));
      chains.push_back(std::move(chain));
    }
    all.run();
    std::vector<double> dweights(static_cast<std::size_t>((N + 2) * N));
    for (std::int64_t b = 0; b < all.B; ++b) {
      const std::int32_t length = lengths[static_cast<std::size_t>(b)];
      Batch<TypeParam> one(N, {length}, Layout::time_major);
      const ChainProblem& chain = chains[static_cast<std::size_t>(b)];
      one.fill(0, chain, random_path(chain, 5));
      one.run();
      const auto same = [](TypeParam x, TypeParam y) { return bits_of(x) == bits_of(y); };
      EXPECT_TRUE(same(all.log_partition.at(b), one.log_partition.at(0)));
      EXPECT_TRUE(same(all.loss.at(b), one.loss.at(0)));
      EXPECT_TRUE(same(all.scores.at(b), one.scores.at(0)));
      for (std::int64_t t = 0; t < all.steps; ++t) {
        EXPECT_EQ(all.element(all.best, t, b), t < length ? one.best.at(t, 0) : -1);
        for (std::int64_t n = 0; n < N; ++n) {
          const TypeParam zero = 0;
          EXPECT_TRUE(
              same(all.element(all.marginals, t, b, n), t < length ? one.marginals.at(t, 0, n) : zero));
          EXPECT_TRUE(
              same(all.element(all.demissions, t, b, n), t < length ? one.demissions.at(t, 0, n) : zero));
        }
      }
      const auto own = one.dweights.values();
      for (std::size_t i = 0; i < own.size(); ++i) dweights[i] += static_cast<double>(own[i]);
    }
    // The sum over the batch: seven terms of at most 9, each rounded to the dtype.
    const double tolerance = 7 * 9 * static_cast<double>(std::numeric_limits<TypeParam>::epsilon());
    const auto sum = all.dweights.values();
    for (std::size_t i = 0; i < sum.size(); ++i)
      EXPECT_NEAR(static_cast<double>(sum[i]), dweights[i], tolerance);
  }
}

// Arithmetic is fp64 either way, so f32 results are the f64 ones rounded once.
TEST(Crf, SinglePrecisionIsDoubleRoundedOnce) {
  const std::int64_t N = 57;  // the lexical model's
  const std::vector<std::int32_t> lengths{40, 7};
  Batch<float> narrow(N, lengths, Layout::time_major);
  Batch<double> wide(N, lengths, Layout::time_major);
  for (std::int64_t b = 0; b < 2; ++b) {
    ChainProblem chain =
        random_chain(N, lengths[static_cast<std::size_t>(b)], 60 + static_cast<std::uint64_t>(b));
    chain.weights = random_chain(N, 1, 7).weights;
    narrow.fill(b, chain, random_path(chain, 5));
    wide.fill(b, chain, random_path(chain, 5));
  }
  narrow.run();
  wide.run();
  const auto rounded = [](Tensor<double>& tensor) {
    std::vector<float> result;
    for (double value : tensor.values()) result.push_back(static_cast<float>(value));
    return result;
  };
  EXPECT_TRUE(same_bits(narrow.log_partition.values(), rounded(wide.log_partition)));
  EXPECT_TRUE(same_bits(narrow.marginals.values(), rounded(wide.marginals)));
  EXPECT_TRUE(same_bits(narrow.loss.values(), rounded(wide.loss)));
  EXPECT_TRUE(same_bits(narrow.demissions.values(), rounded(wide.demissions)));
  EXPECT_TRUE(same_bits(narrow.dweights.values(), rounded(wide.dweights)));
  EXPECT_TRUE(same_bits(narrow.scores.values(), rounded(wide.scores)));
  EXPECT_EQ(narrow.best.values(), wide.best.values());
}

TEST(Crf, AccumulatesTheGradientOfTheWeights) {
  const ChainProblem chain = random_chain(3, 4, 11);
  Batch<double> batch(3, {4}, Layout::time_major);
  batch.fill(0, chain, random_path(chain, 11));
  batch.run();
  const std::vector<double> once = batch.dweights.values();
  for (std::int64_t i = 0; i < 5; ++i) {
    for (std::int64_t n = 0; n < 3; ++n) batch.dweights.at(i, n) = 10;
  }
  batch.run(GradientMode::accumulate);
  const std::vector<double> more = batch.dweights.values();
  for (std::size_t i = 0; i < once.size(); ++i) EXPECT_EQ(more[i], 10 + once[i]);
}

TEST(Crf, LengthsAreClampedAndMayBeLeftOut) {
  const ChainProblem chain = random_chain(3, 4, 12);
  Batch<double> batch(3, {4, 4, 4}, Layout::time_major);
  for (std::int64_t b = 0; b < 3; ++b) batch.fill(b, chain, random_path(chain, 12));
  batch.lengths.at(0) = std::numeric_limits<std::int32_t>::max();
  batch.lengths.at(1) = std::numeric_limits<std::int32_t>::min();
  batch.run();
  EXPECT_EQ(batch.log_partition.at(0), batch.log_partition.at(2));
  EXPECT_EQ(batch.log_partition.at(1), 0);
  EXPECT_EQ(batch.best.at(0, 1), -1);

  CrfDecodeArgs decode;
  decode.emissions = batch.emissions.view();
  decode.weights = batch.weights.view();
  decode.labels = batch.best.view();
  decode.scores = batch.scores.view();
  Workspace space(crf_decode_workspace(4, 3));
  const double expected = batch.scores.at(0);
  crf_decode(decode, space.span());
  for (std::int64_t b = 0; b < 3; ++b) EXPECT_EQ(batch.scores.at(b), expected);
}

// Batches without steps are sequences of length 0; batches without sequences are nothing at all.
TEST(Crf, OfNoStepsAndOfNoSequences) {
  constexpr std::int64_t N = 3;
  Tensor<double> weights({N + 2, N}, 0.5), dweights({N + 2, N}, 77, 1);
  Tensor<double> log_partition({2}, 77), loss({2}, 77), scores({2}, 77);
  Workspace space(crf_loss_workspace(1, N));
  for (const auto& [T, B] : {std::pair<std::int64_t, std::int64_t>{0, 2}, {1, 0}, {0, 0}}) {
    const auto of_each = [&, B = B](Tensor<double>& tensor) {
      return B == 0 ? TensorView(nullptr, DataType::f64, {0}) : tensor.view();
    };
    const TensorView steps(nullptr, DataType::f64, {T, B, N});
    const TensorView labels(nullptr, DataType::i32, {T, B});
    crf_log_partition({steps, weights.view(), {}, of_each(log_partition), steps}, space.span());
    CrfLossArgs args{steps, weights.view(), labels, {}, {}, of_each(loss), steps, dweights.view()};
    args.mode = GradientMode::accumulate;
    crf_loss(args, space.span());
    crf_decode({steps, weights.view(), {}, labels, of_each(scores)}, space.span());
  }
  EXPECT_TRUE(dweights.untouched()) << "gaps stay";
  EXPECT_EQ(dweights.values(), std::vector<double>((N + 2) * N, 77)) << "nothing is added";
  for (Tensor<double>* tensor : {&log_partition, &loss, &scores})
    EXPECT_EQ(tensor->values(), (std::vector<double>{0, 0}));
  const TensorView none(nullptr, DataType::f64, {0, 2, N});
  crf_loss({none,
            weights.view(),
            TensorView(nullptr, DataType::i32, {0, 2}),
            {},
            {},
            loss.view(),
            {},
            dweights.view()},
           space.span());
  EXPECT_EQ(dweights.values(), std::vector<double>((N + 2) * N, 0));
}

// Without transitions log Z is the sum of each step's log-sum-exp and the marginals are softmaxes. Emissions
// up to 1e4 would overflow exp without the largest term taken out; 20000 steps reach 1e8.
TEST(Crf, LongSequencesOfLargeScoresStayExact) {
  const std::int64_t N = 3;
  const std::int64_t length = 20000;
  Batch<double> batch(N, {static_cast<std::int32_t>(length)}, Layout::time_major);
  ChainProblem chain{N, {}, std::vector<double>(static_cast<std::size_t>((N + 2) * N), 0.0)};
  Random random(5);
  long double expected = 0;
  for (std::int64_t t = 0; t < length; ++t) {
    const double base = random.symmetric(1e4);
    long double total = 0;
    for (std::int64_t n = 0; n < N; ++n) {
      chain.emissions.push_back(base + random.symmetric(2));
      total += std::exp(static_cast<long double>(chain.emissions.back()) - base);
    }
    expected += std::log(total) + base;
  }
  batch.fill(0, chain, std::vector<std::int32_t>(static_cast<std::size_t>(length), 1));
  batch.run();
  // 20000 sums of up to 1e6, each rounded to 2^-53 of it.
  EXPECT_NEAR(batch.log_partition.at(0), static_cast<double>(expected), 20000 * 1e6 * 0x1p-53);
  double worst = 0;
  for (std::int64_t t = 0; t < length; ++t) {
    double total = 0;
    const double base = batch.emissions.at(t, 0, 0);
    for (std::int64_t n = 0; n < N; ++n) total += std::exp(batch.emissions.at(t, 0, n) - base);
    for (std::int64_t n = 0; n < N; ++n) {
      const double softmax = std::exp(batch.emissions.at(t, 0, n) - base) / total;
      worst = std::max(worst, std::abs(batch.marginals.at(t, 0, n) - softmax));
    }
  }
  // Every step is scaled and marginals add up to 1: a few operations on values of 1e4.
  EXPECT_LT(worst, 8 * 1e4 * 0x1p-53);
}

// Scores of thousands in every weight: unlikely beginnings with overwhelming continuations and the other way
// round.
TEST(Crf, LargeWeightsAgreeWithTheEnumeration) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    ChainProblem chain = random_chain(3, 5, seed);
    for (double& value : chain.emissions) value *= 1000;
    for (double& value : chain.weights) value *= 1000;
    const Enumeration expected = enumerate(chain);
    Batch<double> batch(3, {5}, Layout::time_major);
    batch.fill(0, chain, expected.best);
    batch.run();
    // The bound of kTolerance, for scores a thousand times as large.
    EXPECT_NEAR(batch.log_partition.at(0), expected.log_partition, 1000 * kTolerance);
    EXPECT_EQ(batch.best.values(), expected.best);
    const std::vector<double> marginals = batch.marginals.values();
    for (std::size_t i = 0; i < marginals.size(); ++i)
      EXPECT_NEAR(marginals[i], expected.marginals[i], 1000 * kTolerance);
    for (std::int64_t i = 0; i < 5; ++i) {
      for (std::int64_t n = 0; n < 3; ++n) {
        double uses = i == 0 && n == expected.best.front() ? 1 : 0;
        if (i == 1 && n == expected.best.back()) uses = 1;
        for (std::size_t t = 1; t < 5; ++t) {
          if (i == 2 + expected.best[t - 1] && n == expected.best[t]) uses += 1;
        }
        const double gradient = expected.weight_expects[ChainProblem::index(i * 3 + n)] - uses;
        EXPECT_NEAR(batch.dweights.at(i, n), gradient, 1000 * kTolerance) << i << " " << n;
      }
    }
  }
}

// One label is better by 1e6 at every step and transition: all probability is on its path.
TEST(Crf, HugeMarginsGiveCertainty) {
  const std::int64_t N = 3;
  const std::int64_t length = 50;
  Batch<double> batch(N, {static_cast<std::int32_t>(length)}, Layout::time_major);
  ChainProblem chain = random_chain(N, length, 8);
  for (std::int64_t t = 0; t < length; ++t) chain.emissions[ChainProblem::index(t * N + t % N)] += 1e6;
  std::vector<std::int32_t> path;
  for (std::int64_t t = 0; t < length; ++t) path.push_back(static_cast<std::int32_t>(t % N));
  batch.fill(0, chain, path);
  batch.run();
  EXPECT_NEAR(batch.loss.at(0), 0, 1e-6);
  EXPECT_EQ(batch.best.values(), path);
  for (double value : batch.demissions.values()) EXPECT_NEAR(value, 0, 1e-6);
  for (double value : batch.dweights.values()) EXPECT_NEAR(value, 0, 1e-6);
}

TEST(Crf, ForbiddenTransitionsAreNeverTaken) {
  const std::int64_t N = 4;
  ChainProblem chain = random_chain(N, 5, 13);
  std::vector<std::array<std::int64_t, 2>> forbidden;
  const auto forbid = [&](std::int64_t row, std::int64_t n) {
    chain.weights[ChainProblem::index(row * N + n)] = -kInfinity;
    forbidden.push_back({row, n});
  };
  forbid(1, 0);      // 0 never ends a sequence
  forbid(2 + 3, 3);  // never 3 then 3
  for (std::int64_t n = 0; n < N; ++n) {
    if (n == 2) forbid(0, n);      // 2 is never reached: neither first
    forbid(2 + n, 2);              // nor after another
    if (n != 2) forbid(2 + 1, n);  // nothing follows 1
  }
  const Enumeration expected = enumerate(chain);
  Batch<double> batch(N, {5}, Layout::time_major);
  batch.fill(0, chain, expected.best);
  batch.run();
  EXPECT_NEAR(batch.log_partition.at(0), expected.log_partition, kTolerance);
  EXPECT_EQ(batch.best.values(), expected.best);
  for (const auto& [row, n] : forbidden) EXPECT_EQ(batch.dweights.at(row, n), 0) << row << " " << n;
  for (std::int64_t t = 0; t < 5; ++t) {
    for (std::int64_t n = 0; n < N; ++n) {
      const double marginal = expected.marginals[ChainProblem::index(t * N + n)];
      EXPECT_NEAR(batch.marginals.at(t, 0, n), marginal, kTolerance);
    }
  }
}

// No label may begin a sequence; none may end one; none may follow another.
TEST(Crf, NoAllowedPathHasNoProbability) {
  for (const std::ptrdiff_t first : {0, 2, 4}) {
    ChainProblem chain = random_chain(2, 3, 14);
    std::fill_n(chain.weights.begin() + first, first == 4 ? 4 : 2, -kInfinity);
    Batch<double> batch(2, {3}, Layout::time_major);
    batch.fill(0, chain, {0, 1, 0});
    batch.run();
    EXPECT_EQ(batch.log_partition.at(0), -kInfinity) << first;
    EXPECT_EQ(batch.scores.at(0), -kInfinity) << first;
    for (std::int32_t label : batch.best.values()) EXPECT_TRUE(label == 0 || label == 1);
  }
}

TEST(Crf, NanPassesThroughAndDecodesToValidLabels) {
  for (std::int64_t bad = 0; bad < 4; ++bad) {
    ChainProblem chain = random_chain(3, 4, 15);
    for (std::int64_t n = 0; n < 3; ++n) {
      chain.emissions[ChainProblem::index(bad * 3 + n)] = std::numeric_limits<double>::quiet_NaN();
    }
    Batch<double> batch(3, {4}, Layout::time_major);
    batch.fill(0, chain, {0, 1, 2, 0});
    batch.run();
    EXPECT_TRUE(std::isnan(batch.log_partition.at(0)));
    EXPECT_TRUE(std::isnan(batch.loss.at(0)));
    for (std::int32_t label : batch.best.values()) EXPECT_TRUE(label >= 0 && label < 3);
  }
}

}  // namespace
}  // namespace recur::test
