// The stepwise engine under the schedule that SIMT_ORDER names: every cell and type, several streams at once.
// Results have the bits that the plain schedule gives, and are right. Small enough for ThreadSanitizer, where
// a forgotten event or two kernels that share a buffer are a race. mutants.cmake breaks what this test must
// notice.
#include <gtest/gtest.h>

#include "contract/session.hpp"
#include "engines/device_test.hpp"
#include "engines/judge.hpp"
#include "simt/launch.hpp"

namespace recur::test {
namespace {

template <class T>
struct Results {
  oracle::Outputs<T> outputs;
  oracle::Gradients<T> gradients;
};

class Schedules : public DeviceTest {
 protected:
  template <class T>
  static Results<T> run(const oracle::Problem<T>& problem, const oracle::OutputGradients<T>& upstream,
                        std::uint64_t seed) {
    EngineRun<T> engine(problem, Pass::training, {.device = &device(), .dropout_seed = seed});
    auto outputs = engine.forward();
    return {std::move(outputs), engine.backward(upstream)};
  }

  // Judges y and dx, which have enough values after a few seeds; engines/ judges all.
  template <class T>
  static void compare(const Spec& spec, const Size& size) {
    ErrorPools pools(spec.dtype);
    for (std::uint64_t seed = 1; !pools.enough(); ++seed) {
      oracle::Problem<double> problem = random_problem(spec, size.T, size.B, seed);
      problem.dropout_masks = device().dropout_masks(spec, size.T, size.B, seed);
      const auto upstream = random_output_gradients(spec, size.T, size.B, seed);
      const auto typed_problem = oracle::convert<T>(problem);
      const auto typed_upstream = oracle::convert<T>(upstream);

      const simt::Schedule schedule = simt::schedule();
      simt::set_schedule({simt::Order::ascending, 1});
      const Results<T> plain = run(typed_problem, typed_upstream, seed);
      simt::set_schedule({schedule.order, static_cast<std::uint32_t>(seed)});
      const Results<T> other = run(typed_problem, typed_upstream, seed);
      simt::set_schedule(schedule);
      EXPECT_TRUE(same_bits(plain.outputs, other.outputs)) << "seed " << seed;
      EXPECT_TRUE(same_bits(plain.gradients, other.gradients)) << "seed " << seed;
      if (::testing::Test::HasFailure() || !kJudges) return;

      using Real = typename StorageOf<T>::Judge;
      const auto exact_problem = oracle::convert<Real>(problem);
      const auto exact = oracle::forward(exact_problem);
      if (!clear_of_kinks(spec, exact)) continue;
      const auto exact_gradients = oracle::backward(exact_problem, exact, oracle::convert<Real>(upstream));
      const Naive<T> naive(problem);
      const std::string label = "seed " + std::to_string(seed);
      pools.add("y", exact.y, naive.outputs.y, other.outputs.y, label);
      pools.add("dx", exact_gradients.dx, naive.backward(upstream).dx, other.gradients.dx, label);
    }
    EXPECT_TRUE(pools.verdict());
  }

  static void compare_with_everything(const Size& size, Direction direction) {
    Spec spec = sized(size);
    spec.direction = direction;
    spec.variable_lengths = true;
    spec.reset_mask = true;
    spec.dropout = 0.25;
    spec.cell_sequence = spec.cell == Cell::lstm;
    typed([&]<class T>() { compare<T>(spec, size); });
  }
};

// Three layers in a wavefront: input products have at least 128 rows (host/gpu_pass/geometry.cpp), so 64
// sequences go by two steps, and time has two whole chunks and a short one.
TEST_P(Schedules, LayersInAWavefront) {
  compare_with_everything({5, 64, 4, 8, "a wavefront", 3}, Direction::forward);
}

// Odd H: single units, with idle threads in a row and idle rows in a block.
TEST_P(Schedules, BothDirections) {
  compare_with_everything({4, 9, 8, 19, "both directions", 2}, Direction::bidirectional);
}

INSTANTIATE_TEST_SUITE_P(Devices, Schedules, ::testing::ValuesIn(cases(&TestDevice::types)), case_name);

}  // namespace
}  // namespace recur::test
