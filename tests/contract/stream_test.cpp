// Streaming: a sequence run by calls of one step, through step() and through forward with T = 1, canonical
// and prepared, is within the rule of docs/design.md what one forward gives. On every device. (The bits of
// batch_invariant: invariance_test.cpp.)
#include "contract/session.hpp"
#include "engines/device_test.hpp"
#include "engines/judge.hpp"
#include "support/problem.hpp"

namespace recur::test {
namespace {

// The problem of the step at time t, from the states that the steps before left.
template <class T>
oracle::Problem<T> step_of(const oracle::Problem<T>& problem, Index t, const oracle::Outputs<T>& before) {
  oracle::Problem<T> step = problem;
  step.T = 1;
  const Index row = problem.B * problem.spec.input_size;
  step.x.assign(problem.x.begin() + t * row, problem.x.begin() + (t + 1) * row);
  if (t > 0) {
    step.h0 = before.hN;
    step.c0 = before.cN;
  }
  return step;
}

// The outputs of all steps, each run by `run(problem of the step)`. In 16 bit both states are rounded at each
// step, as they are where the caller keeps them.
template <class T, class Run>
oracle::Outputs<T> by_steps(const oracle::Problem<T>& problem, Run&& run) {
  oracle::Outputs<T> result;
  for (Index t = 0; t < problem.T; ++t) {
    const oracle::Outputs<T> step = run(step_of(problem, t, result));
    result.y.insert(result.y.end(), step.y.begin(), step.y.end());
    result.hN = step.hN;
    result.cN = step.cN;
  }
  return result;
}

enum class Call { forward, step };
struct Way {
  Call call;
  bool prepared;
  const char* name;
};
constexpr Way kWays[] = {{Call::forward, false, "forward(), canonical"},
                         {Call::forward, true, "forward(), prepared"},
                         {Call::step, false, "step(), canonical"},
                         {Call::step, true, "step(), prepared"}};

// One session that is called for each step in turn, its states in place.
template <class T>
class Streaming {
 public:
  Streaming(const oracle::Problem<T>& first_step, Way way, const TestDevice& device)
      : session_(first_step, {}, device), way_(way) {
    session_.prepare();
    session_.forward_args.hN = session_.h_state(session_.h0);
    session_.forward_args.cN = session_.c_state(session_.c0);
    const Spec& spec = session_.spec;
    step_args_.x = ConstTensorView(session_.x.data(), storage_type<T>, {session_.B, spec.input_size});
    step_args_.y = TensorView(session_.y.data(), storage_type<T>, {session_.B, output_size_of(spec)});
    step_args_.h = session_.h_state(session_.h0);
    step_args_.c = session_.c_state(session_.c0);
  }

  oracle::Outputs<T> operator()(const oracle::Problem<T>& step) {
    std::copy(step.x.begin(), step.x.end(), session_.x.data());
    session_.y.poison();
    session_.workspace.poison();
    if (way_.call == Call::step) {
      const Weights weights = way_.prepared ? Weights(session_.prepared)
                                            : Weights(std::span<const LayerWeights>(session_.weights));
      recur::step(session_.plan, session_.context, Stream(), weights, step_args_, session_.workspace.bytes());
      session_.device.synchronize();
    } else if (way_.prepared) {
      session_.forward_prepared();
    } else {
      session_.forward();
    }
    return {session_.y.vector(), session_.h0.vector(), session_.c0.vector(), {}};
  }

 private:
  Session<T> session_;
  Way way_;
  StepArgs step_args_;
};

class StreamingRule : public DeviceTest {
 protected:
  /// All ways of streaming, over the same problems: the oracle and the naive run take most of the time.
  template <class T>
  static void judge_streaming(const Spec& spec, const Size& size) {
    using Real = typename StorageOf<T>::Judge;
    using Arithmetic = typename StorageOf<T>::Arithmetic;
    const typename StorageOf<T>::Round round;
    std::vector<ErrorPools> pools(std::size(kWays), ErrorPools(spec.dtype));
    for (std::uint64_t seed = 1; !pools.front().enough(); ++seed) {
      const auto problem = random_problem(spec, size.T, size.B, seed);
      // Traces are of no use here.
      oracle::Outputs<Real> exact =
          oracle::forward(oracle::convert<Real>(problem));  // NOLINT(cppcoreguidelines-slicing)
      const auto naive = by_steps(oracle::convert<Arithmetic>(problem), [&](const auto& step) {
        // NOLINTNEXTLINE(cppcoreguidelines-slicing)
        return oracle::Outputs<Arithmetic>(oracle::forward(step, round));
      });
      const auto typed_problem = oracle::convert<T>(problem);
      for (std::size_t i = 0; i < pools.size(); ++i) {
        Streaming<T> streaming(step_of(typed_problem, 0, {}), kWays[i], device());
        pools[i].add(exact, naive, by_steps(typed_problem, streaming), "seed " + std::to_string(seed));
      }
      if (!kJudges) return;
    }
    for (std::size_t i = 0; i < pools.size(); ++i) EXPECT_TRUE(pools[i].verdict()) << kWays[i].name;
  }
};

TEST_P(StreamingRule, StepsAreRight) {
  for (const Size& size : device().option_sizes) {
    Spec spec = sized(size);
    spec.layers = 2;
    SCOPED_TRACE(text_of(size));
    typed([&]<class T>() { judge_streaming<T>(spec, size); });
  }
}

INSTANTIATE_TEST_SUITE_P(Devices, StreamingRule,
                         ::testing::ValuesIn(cases(&TestDevice::types, cells_of_each_kind())), case_name);

}  // namespace
}  // namespace recur::test
