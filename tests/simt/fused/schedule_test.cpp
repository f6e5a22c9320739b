// The fused step kernels of both passes under the schedule that SIMT_ORDER names: results have the bits that the plain
// schedule gives, and are right. Small enough for ThreadSanitizer, where a read of the state before the wait is a race. mutants.cmake
// breaks what this test must notice.
#include <gtest/gtest.h>

#include "contract/session.hpp"
#include "engines/device_test.hpp"
#include "engines/judge.hpp"
#include "engines/simt_device.hpp"
#include "simt/compare_schedules.hpp"
#include "simt/named_memory.hpp"

namespace recur::test {
namespace {

struct ScheduleCase {
  const char* name;
  Spec cell;
  Size size;
  Direction direction;
};

Spec cell_of(
    Cell cell, DataType type, void (*change)(Spec&) = [](Spec&) {}) {
  Spec spec;
  spec.cell = cell;
  spec.dtype = type;
  change(spec);
  return spec;
}

// Every kind of product, vectors and single elements, one batch tile and several, cells of two phases and of a state
// of their own. I is as large as makes a few seeds enough.
const ScheduleCase kCases[] = {
    {"Vectors", cell_of(Cell::lstm, DataType::bf16), {4, 5, 8, 40, ""}, Direction::forward},
    {"TwoPhases",
     cell_of(Cell::gru, DataType::f16, [](Spec& spec) { spec.gru_reset = GruReset::before; }),
     {3, 11, 8, 40, ""},
     Direction::bidirectional},
    {"SingleElements",
     cell_of(Cell::lstm, DataType::f32, [](Spec& spec) { spec.peepholes = true; }),
     {3, 9, 8, 19, ""},
     Direction::reverse},
    {"Scalars", cell_of(Cell::gru, DataType::f32), {3, 11, 8, 36, ""}, Direction::bidirectional},
    // More chunks than the warps load of R before the wait, in backward too.
    {"ManyChunksOfF32", cell_of(Cell::rnn, DataType::f32), {2, 3, 96, 528, ""}, Direction::forward},
#if !defined(RECUR_INSTRUMENTED)
    {"ManyChunksOfBf16", cell_of(Cell::rnn, DataType::bf16), {2, 3, 96, 1032, ""}, Direction::forward},
#endif
};

void PrintTo(const ScheduleCase& value, std::ostream* out) { *out << value.name; }

template <class T>
struct Results {
  oracle::Outputs<T> outputs;
  oracle::Gradients<T> gradients;
};

struct BothPasses {
  const Spec& spec;
  const Size& size;

  oracle::Problem<double> problem(std::uint64_t seed) const {
    return random_problem(spec, size.T, size.B, seed);
  }
  oracle::OutputGradients<double> upstream(std::uint64_t seed) const {
    return random_output_gradients(spec, size.T, size.B, seed);
  }

  template <class T>
  Results<T> run(const oracle::Problem<double>& problem, std::uint64_t seed) const {
    static const TestDevice device = simt_device("fused", EngineId::fused);
    static NamedMemory memory;
    const UseMemory use(memory);
    const auto typed = oracle::convert<T>(problem);
    EngineRun<T> engine(typed, Pass::training, {.device = &device});
    EXPECT_TRUE(engine.plan().tile().find("; backward: one kernel a step") != std::string::npos ||
                engine.plan().tile().find("; backward: 2 x one kernel a step") != std::string::npos)
        << engine.plan().tile();
    auto outputs = engine.forward();
    return {std::move(outputs), engine.backward(oracle::convert<T>(upstream(seed)))};
  }

  template <class T>
  static bool same(const Results<T>& results, const Results<T>& others) {
    return same_bits(results.outputs, others.outputs) && same_bits(results.gradients, others.gradients);
  }

  template <class T>
  void judge(ErrorPools& pools, const oracle::Problem<double>& problem, const Results<T>& results,
             std::uint64_t seed) const {
    using Real = typename StorageOf<T>::Judge;
    const auto exact_problem = oracle::convert<Real>(problem);
    const auto exact = oracle::forward(exact_problem);
    const Naive<T> naive(problem);
    const std::string label = "seed " + std::to_string(seed);
    pools.add(exact, naive.outputs, results.outputs, label);
    pools.add(oracle::backward(exact_problem, exact, oracle::convert<Real>(upstream(seed))),
              naive.backward(upstream(seed)), results.gradients, label);
  }
};

class FusedSchedules : public ::testing::TestWithParam<ScheduleCase> {};

TEST_P(FusedSchedules, GiveTheSameBits) {
  const ScheduleCase& param = GetParam();
  Spec spec = param.cell;
  spec.input_size = param.size.I;
  spec.hidden_size = param.size.H;
  spec.direction = param.direction;
  spec.variable_lengths = true;
  spec.reset_mask = true;
  spec.cell_sequence = spec.cell == Cell::lstm;
  with_storage(spec.dtype, [&]<class T>() { compare_schedules<T>(spec, BothPasses{spec, param.size}); });
}

INSTANTIATE_TEST_SUITE_P(Cases, FusedSchedules, ::testing::ValuesIn(kCases),
                         [](const auto& one) { return std::string(one.param.name); });

}  // namespace
}  // namespace recur::test
