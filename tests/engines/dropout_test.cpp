// Dropout between layers, seen through layers that add nothing of their own: relu with W = 1 and R = 0 passes
// positive inputs on, so that outputs show what was dropped, and gradients of inputs what backward dropped.
#include <limits>

#include "contract/session.hpp"
#include "engines/device_test.hpp"
#include "support/problem.hpp"

namespace recur::test {
namespace {

// Elements enough that a share of them is known to 2 per cent.
constexpr Index kT = 16, kB = 16, kH = 64;

// One cell is enough: what is dropped lies between the layers.
std::vector<Case> relu_cases() {
  std::vector<Case> result = cases(&TestDevice::types);
  std::erase_if(result, [](const Case& one) {
    return one.cell.activation != RnnActivation::relu || one.cell.residual;
  });
  return result;
}

class Dropout : public DeviceTest {
 protected:
  void SetUp() override {
    DeviceTest::SetUp();
    if (IsSkipped()) return;
    const Options options{
        .engine = device().engine, .pass = Pass::training, .cudnn_algorithm = device().cudnn_algorithm};
    for (const PassedOver& one : survey_engines(transparent(2, 0.5), {1, 1}, device().device, options)) {
      if (one.engine == device().engine && !one.reason.empty()) GTEST_SKIP() << one.reason;
    }
  }

  static Spec transparent(Index layers, double dropout) {
    Spec spec = sized({kT, kB, kH, kH, "", layers});
    spec.bias = Bias::none;
    spec.dropout = dropout;
    return spec;
  }
  // Inputs and gradients of outputs are eighths from 1/8 to 1: exact in every type, and so is what comes of
  // dividing them by 1/2.
  template <class T>
  static std::vector<T> eighths(std::uint64_t stream) {
    std::vector<T> values(static_cast<std::size_t>(kT * kB * kH));
    Random random(1, stream);
    for (T& value : values) value = static_cast<T>(static_cast<double>(random.integer(1, 8)) / 8);
    return values;
  }
  template <class T>
  static oracle::Problem<T> problem_of(const Spec& spec) {
    oracle::Problem<double> problem = random_problem(spec, kT, kB, 1);
    std::fill(problem.h0.begin(), problem.h0.end(), 0.0);
    for (auto& layer : problem.layers) {
      std::fill(layer.R.begin(), layer.R.end(), 0.0);
      for (std::size_t k = 0; k < layer.W.size(); ++k) layer.W[k] = k % (kH + 1) == 0 ? 1 : 0;
    }
    auto typed = oracle::convert<T>(problem);
    typed.x = eighths<T>(2);
    return typed;
  }
  // A forward pass in training from a seed.
  template <class T>
  static std::vector<T> outputs(Session<T>& session, std::uint64_t seed) {
    session.poison_outputs();
    session.forward_args.dropout_seed = seed;
    session.forward();
    return session.y.vector();
  }
};

TEST_P(Dropout, BackwardDropsWhatForwardDropped) {
  typed([]<class T>() {
    const auto problem = problem_of<T>(transparent(2, 0.5));
    Session<T> session(problem, {.pass = Pass::training}, device());
    oracle::OutputGradients<T> upstream;
    upstream.dy = eighths<T>(3);
    session.set_upstream(upstream);
    for (std::uint64_t seed : {1u, 2u}) {
      const std::vector<T> y = outputs(session, seed);
      session.backward();
      const std::vector<T> dx = session.dx.vector();
      for (std::size_t k = 0; k < y.size(); ++k) {
        const double kept = static_cast<double>(y[k]) / static_cast<double>(problem.x[k]);
        ASSERT_TRUE(kept == 0 || kept == 2) << "element " << k << ": " << kept;
        ASSERT_EQ(static_cast<double>(dx[k]), kept * static_cast<double>(upstream.dy[k])) << "element " << k;
      }
    }
  });
}

// Whatever of all seeds' bits; of a boundary below the last; by each engine that says what it drops.
TEST_P(Dropout, DropsWhatIsSaid) {
  if (device().dropout_masks == nullptr) GTEST_SKIP() << device().name << ": what is dropped is not known";
  typed([]<class T>() {
    const auto problem = problem_of<T>(transparent(3, 0.75));
    Session<T> session(problem, {.pass = Pass::training}, device());
    for (std::uint64_t seed : {std::uint64_t(0), std::uint64_t(3) << 32}) {
      const std::vector<T> y = outputs(session, seed);
      const auto masks = device().dropout_masks(problem.spec, kT, kB, seed);
      for (std::size_t k = 0; k < y.size(); ++k) {
        const double kept = masks[0][k] != 0 && masks[1][k] != 0 ? 16 : 0;
        ASSERT_EQ(static_cast<double>(y[k]), kept * static_cast<double>(problem.x[k])) << "element " << k;
      }
    }
  });
}

// A reserve says whose mask backward forms again, whatever was run since, and again the second time.
TEST_P(Dropout, TheReserveRemembersTheSeed) {
  typed([]<class T>() {
    const auto problem = problem_of<T>(transparent(2, 0.5));
    Session<T> session(problem, {.pass = Pass::training}, device());
    Session<T> other(problem, {.pass = Pass::training}, device());
    oracle::OutputGradients<T> upstream;
    upstream.dy = eighths<T>(3);
    session.set_upstream(upstream);
    outputs(session, 1);
    session.backward();
    const auto first = session.all_gradients();
    outputs(other, 2);
    session.backward();
    EXPECT_TRUE(same_bits(session.all_gradients(), first));
  });
}

TEST_P(Dropout, EqualSeedsDropTheSame) {
  typed([]<class T>() {
    const auto problem = problem_of<T>(transparent(3, 0.5));
    Session<T> session(problem, {.pass = Pass::training}, device());
    const std::vector<T> first = outputs(session, 7);
    EXPECT_FALSE(same_bits(outputs(session, 8), first));
    EXPECT_TRUE(same_bits(outputs(session, 7), first));
    Session<T> other(problem, {.pass = Pass::training}, device());
    EXPECT_TRUE(same_bits(outputs(other, 7), first));
  });
}

TEST_P(Dropout, DropsItsShareBetweenLayers) {
  typed([]<class T>() {
    for (Index layers : {2, 3}) {
      const auto problem = problem_of<T>(transparent(layers, 0.25));
      Session<T> session(problem, {.pass = Pass::training}, device());
      const std::vector<T> y = outputs(session, 1);
      const auto count = static_cast<double>(y.size());
      const auto zeros = static_cast<double>(
          std::count_if(y.begin(), y.end(), [](T v) { return static_cast<float>(v) == 0; }));
      // Once or twice through 0.75: five standard deviations.
      const double kept = std::pow(0.75, static_cast<double>(layers - 1));
      EXPECT_NEAR(1 - zeros / count, kept, 5 * std::sqrt(kept * (1 - kept) / count)) << layers << " layers";

      // The final state of the first layer is what was not dropped yet.
      const auto last = problem.x.end() - kB * kH;
      const std::vector<T> hN = session.hN.vector();
      EXPECT_TRUE(std::equal(last, problem.x.end(), hN.begin(),
                             [](T a, T b) { return static_cast<float>(a) == static_cast<float>(b); }));
    }
  });
}

TEST_P(Dropout, DropsNothingElsewhere) {
  typed([]<class T>() {
    const auto stack = problem_of<T>(transparent(2, 0.5));
    Session<T> inference(stack, {}, device());
    EXPECT_TRUE(same_bits(outputs(inference, 1), stack.x));
    const auto single = problem_of<T>(transparent(1, 0.5));
    Session<T> training(single, {.pass = Pass::training}, device());
    EXPECT_TRUE(same_bits(outputs(training, 1), single.x));
  });
}

// Of a random stack of both directions: inference has the bits of a layer without, as have training of one
// layer, gradients included, and training with a probability of 0.
TEST_P(Dropout, ThatDropsNothingChangesNoBits) {
  typed([]<class T>() {
    struct Way {
      Index layers;
      double dropout;
      Pass pass;
    };
    for (const Way& way : {Way{3, 0.5, Pass::inference}, Way{1, 0.5, Pass::training}}) {
      Spec spec = sized({5, 4, 7, 19, "", way.layers});
      where_taken(spec, [](Spec& changed) { changed.direction = Direction::bidirectional; });
      add_lengths(spec);
      const auto results = [&](double dropout) {
        spec.dropout = dropout;
        const auto problem = oracle::convert<T>(problem_for(device(), spec, 5, 4, 1));
        EngineRun<T> run(problem, way.pass, {.device = &device(), .dropout_seed = 1});
        auto forward = run.forward();
        oracle::Gradients<T> gradients;
        if (way.pass == Pass::training)
          gradients = run.backward(oracle::convert<T>(random_output_gradients(spec, 5, 4, 1)));
        return std::pair(std::move(forward), std::move(gradients));
      };
      const auto without = results(0), with = results(way.dropout);
      EXPECT_TRUE(same_bits(without.first, with.first));
      EXPECT_TRUE(same_bits(without.second, with.second));
    }
  });
}

// What is dropped is 0 whatever it was.
TEST_P(Dropout, DropsInfinitiesAndNaN) {
  if (device().dropout_masks == nullptr) GTEST_SKIP() << device().name << ": what is dropped is not known";
  if (device().engine == EngineId::cudnn) GTEST_SKIP() << "cuDNN does not say";
  typed([]<class T>() {
    auto problem = problem_of<T>(transparent(2, 0.5));
    problem.x.assign(problem.x.size(), static_cast<T>(std::numeric_limits<float>::infinity()));
    // One unit reads one output: 0 times an infinity elsewhere would be NaN.
    problem.spec.hidden_size = problem.spec.input_size = 1;
    for (auto& layer : problem.layers) {
      layer.W = {static_cast<T>(1.0f)};
      layer.R = {static_cast<T>(0.0f)};
    }
    problem.T = 1;
    problem.B = 64;
    problem.x.resize(64);
    problem.h0.assign(2 * 64, static_cast<T>(0.0f));
    Session<T> session(problem, {.pass = Pass::training}, device());
    const std::vector<T> y = outputs(session, 4);
    const auto masks = device().dropout_masks(problem.spec, 1, 64, 4);
    for (std::size_t k = 0; k < y.size(); ++k) {
      EXPECT_EQ(std::isinf(static_cast<float>(y[k])), masks[0][k] != 0) << k;
      if (masks[0][k] == 0) {
        EXPECT_EQ(static_cast<float>(y[k]), 0) << k;
      }
    }
  });
}

INSTANTIATE_TEST_SUITE_P(Devices, Dropout, ::testing::ValuesIn(relu_cases()), case_name);

}  // namespace
}  // namespace recur::test
