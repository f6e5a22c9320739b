// Our engine beside cuDNN's in every algorithm that takes the job, on the same problems: their results may
// differ by no more than either may differ from the oracle (docs/design.md, section 10).
#include <gtest/gtest.h>

#include "engines/device_test.hpp"
#include "engines/judge.hpp"

namespace recur::test {
namespace {

// The oracle's values with the difference of two results added: as far from the oracle as they from each
// other.
template <class Real, class T>
std::vector<Real> shifted(const std::vector<Real>& exact, const std::vector<T>& ours,
                          const std::vector<T>& theirs) {
  std::vector<Real> result = exact;
  for (std::size_t k = 0; k < result.size(); ++k) {
    result[k] += static_cast<Real>(ours.at(k)) - static_cast<Real>(theirs.at(k));
  }
  return result;
}
template <class Real, class T>
oracle::Outputs<Real> shifted(const oracle::Outputs<Real>& exact, const oracle::Outputs<T>& ours,
                              const oracle::Outputs<T>& theirs) {
  return {shifted(exact.y, ours.y, theirs.y),
          shifted(exact.hN, ours.hN, theirs.hN),
          shifted(exact.cN, ours.cN, theirs.cN),
          {}};
}
template <class Real, class T>
oracle::Gradients<Real> shifted(const oracle::Gradients<Real>& exact, const oracle::Gradients<T>& ours,
                                const oracle::Gradients<T>& theirs) {
  oracle::Gradients<Real> result{shifted(exact.dx, ours.dx, theirs.dx),
                                 shifted(exact.dh0, ours.dh0, theirs.dh0),
                                 shifted(exact.dc0, ours.dc0, theirs.dc0),
                                 {}};
  for (std::size_t l = 0; l < exact.layers.size(); ++l) {
    const auto& e = exact.layers[l];
    const auto& a = ours.layers.at(l);
    const auto& b = theirs.layers.at(l);
    result.layers.push_back({shifted(e.W, a.W, b.W),
                             shifted(e.R, a.R, b.R),
                             shifted(e.bW, a.bW, b.bW),
                             shifted(e.bR, a.bR, b.bR),
                             {},
                             shifted(e.projection, a.projection, b.projection)});
  }
  return result;
}

// The devices with cuDNN, each once: the algorithm is varied here. f64 judges nothing that f32 does not.
std::vector<Case> parity_cases() {
  std::vector<Case> result;
  for (const Case& one : cases(&TestDevice::types)) {
    const TestDevice& device = *one.device;
    if (device.engine == EngineId::cudnn && device.cudnn_algorithm == CudnnAlgorithm::standard &&
        one.type != DataType::f64)
      result.push_back(one);
  }
  return result;
}

class Parity : public DeviceTest {
 protected:
  static TestDevice with(EngineId engine, CudnnAlgorithm algorithm) {
    TestDevice result = device();
    result.engine = engine;
    result.cudnn_algorithm = algorithm;
    return result;
  }

  static std::string refusal(const Spec& spec, const Size& size, CudnnAlgorithm algorithm) {
    const Options options{.engine = EngineId::cudnn, .pass = Pass::training, .cudnn_algorithm = algorithm};
    for (const PassedOver& one : survey_engines(spec, {size.T, size.B}, device().device, options)) {
      if (one.engine == EngineId::cudnn) return one.reason;
    }
    return "this build has no such engine";
  }

  // The oracle's work is shared by all algorithms: it takes most of the time.
  template <class T>
  static void compare(const Spec& spec, const Size& size, const std::vector<CudnnAlgorithm>& algorithms) {
    using Real = typename StorageOf<T>::Judge;
    const TestDevice our_device = with(EngineId::stepwise, CudnnAlgorithm::standard);
    std::vector<TestDevice> their_devices;
    their_devices.reserve(algorithms.size());
    for (CudnnAlgorithm algorithm : algorithms) their_devices.push_back(with(EngineId::cudnn, algorithm));
    std::vector<ErrorPools> pools(algorithms.size(), ErrorPools(spec.dtype));
    for (std::uint64_t seed = 1; !pools.front().enough(); ++seed) {
      ASSERT_LE(seed, 1000u) << "data unfit for relu";
      const auto problem = problem_for(device(), spec, size.T, size.B, seed);
      const auto upstream = random_output_gradients(spec, size.T, size.B, seed);
      const auto exact_problem = oracle::convert<Real>(problem);
      const auto exact = oracle::forward(exact_problem);
      if (!clear_of_kinks(spec, exact)) continue;
      const auto exact_gradients = oracle::backward(exact_problem, exact, oracle::convert<Real>(upstream));
      const Naive<T> naive(problem);
      const auto naive_gradients = naive.backward(upstream);
      const auto typed_problem = oracle::convert<T>(problem);
      const auto typed_upstream = oracle::convert<T>(upstream);
      EngineRun<T> ours(typed_problem, Pass::training, {.device = &our_device});
      const auto our_outputs = ours.forward();
      const auto our_gradients = ours.backward(typed_upstream);
      for (std::size_t i = 0; i < algorithms.size(); ++i) {
        SCOPED_TRACE(name_of(algorithms[i]));
        EngineRun<T> theirs(typed_problem, Pass::training, {.device = &their_devices[i]});
        const std::string label = "seed " + std::to_string(seed);
        pools[i].add<Real>(exact, naive.outputs, shifted<Real, T>(exact, our_outputs, theirs.forward()),
                           label);
        pools[i].add(exact_gradients, naive_gradients,
                     shifted(exact_gradients, our_gradients, theirs.backward(typed_upstream)), label);
      }
      if (::testing::Test::HasFailure() || !kJudges) return;
    }
    for (std::size_t i = 0; i < algorithms.size(); ++i) {
      EXPECT_TRUE(pools[i].verdict()) << name_of(algorithms[i]);
    }
  }
};

TEST_P(Parity, WithEveryAlgorithm) {
  for (const Size& size : device().option_sizes) {
    for (bool plain : {true, false}) {
      Spec spec = sized(size);
      if (!plain) {
        spec.direction = Direction::bidirectional;
        spec.layers = 2;
        spec.variable_lengths = true;
      }
      SCOPED_TRACE(text_of(size) + " " + spec_name(spec));
      std::vector<CudnnAlgorithm> taken;
      for (CudnnAlgorithm algorithm :
           {CudnnAlgorithm::standard, CudnnAlgorithm::persist_static, CudnnAlgorithm::persist_dynamic,
            CudnnAlgorithm::persist_static_small_h}) {
        const std::string refused = refusal(spec, size, algorithm);
        if (refused.empty()) {
          taken.push_back(algorithm);
        } else {
          EXPECT_NE(algorithm, CudnnAlgorithm::standard) << refused;
        }
      }
      if (!taken.empty()) typed([&]<class T>() { compare<T>(spec, size, taken); });
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Devices, Parity, ::testing::ValuesIn(parity_cases()), case_name);

}  // namespace
}  // namespace recur::test
