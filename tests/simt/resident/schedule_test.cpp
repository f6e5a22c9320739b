// The resident kernel under the schedule that SIMT_ORDER names: results have the bits that the plain schedule
// gives, and are right. Small enough for ThreadSanitizer. mutants.cmake breaks what this test must notice.
#include <gtest/gtest.h>

#include "contract/session.hpp"
#include "simt/compare_schedules.hpp"
#include "simt/named_memory.hpp"
#include "simt/resident/tiled_device.hpp"

namespace recur::test {
namespace {

struct ScheduleCase {
  const char* name;
  Spec cell;
  TileChoice choice;
  Size size;
  Direction direction;
};

Spec cell_of(Cell cell, void (*change)(Spec&)) {
  Spec spec;
  spec.cell = cell;
  change(spec);
  return spec;
}

// Every tile; every kind of cell that exchanges, adds or keeps something of its own. I is as large as makes a
// few seeds enough.
const ScheduleCase kCases[] = {
    // The last block has one unit. Two clusters: of two batch tiles, the first of which ends early, and of
    // one
    // and one without rows.
    {"TwoPhases",
     cell_of(Cell::gru,
             [](Spec& spec) {
               spec.gru_reset = GruReset::before;
               spec.dtype = DataType::bf16;
             }),
     {1, 4, 2},
     {3, 17, 8, 97, ""},
     Direction::forward},
    // A warp's K-blocks start in the middle of another block's.
    {"SharedSources",
     cell_of(Cell::lstm,
             [](Spec& spec) {
               spec.peepholes = true;
               spec.dtype = DataType::f16;
             }),
     {3, 2, 1},
     {3, 9, 8, 96, ""},
     Direction::reverse},
    // No partial sums; half of R in shared memory.
    {"WholeSums",
     cell_of(Cell::lstm, [](Spec& spec) { spec.dtype = DataType::bf16; }),
     {0, 2, 2},
     {2, 12, 8, 129, ""},
     Direction::forward},
    // Both directions in one launch; a block without units.
    {"BothDirections",
     cell_of(Cell::gru, [](Spec& spec) { spec.dtype = DataType::f16; }),
     {2, 4, 1},
     {2, 5, 8, 190, ""},
     Direction::bidirectional},
    // A block whose warps divide K in two.
    {"WarpAQuarter",
     cell_of(Cell::lstm,
             [](Spec& spec) {
               spec.coupled_input_forget = true;
               spec.dtype = DataType::bf16;
             }),
     {4, 4, 1},
     {3, 9, 8, 110, ""},
     Direction::forward},
};

void PrintTo(const ScheduleCase& value, std::ostream* out) { *out << value.name; }

struct ForwardPass {
  const Spec& spec;
  const Size& size;

  oracle::Problem<double> problem(std::uint64_t seed) const {
    return retiring_problem(spec, size.T, size.B, seed);
  }

  template <class T>
  oracle::Outputs<T> run(const oracle::Problem<double>& problem, std::uint64_t /*seed*/) const {
    static const TestDevice device = tiled_device();
    static NamedMemory memory;
    const UseMemory use(memory);
    const auto typed = oracle::convert<T>(problem);
    EngineRun<T> engine(typed, Pass::training, {.device = &device});
    return engine.forward();
  }

  template <class T>
  static bool same(const oracle::Outputs<T>& outputs, const oracle::Outputs<T>& others) {
    return same_bits(outputs, others);
  }

  template <class T>
  void judge(ErrorPools& pools, const oracle::Problem<double>& problem, const oracle::Outputs<T>& outputs,
             std::uint64_t seed) const {
    const Naive<T> naive(problem);
    pools.add(oracle::forward(oracle::convert<typename StorageOf<T>::Judge>(problem)), naive.outputs, outputs,
              "seed " + std::to_string(seed));
  }
};

class ResidentSchedules : public ::testing::TestWithParam<ScheduleCase> {};

TEST_P(ResidentSchedules, GiveTheSameBits) {
  const ScheduleCase& param = GetParam();
  Spec spec = param.cell;
  spec.input_size = param.size.I;
  spec.hidden_size = param.size.H;
  spec.direction = param.direction;
  spec.variable_lengths = true;
  spec.reset_mask = true;
  spec.cell_sequence = spec.cell == Cell::lstm;
  tile_of_plans() = param.choice;
  with_storage(spec.dtype, [&]<class T>() {
    if constexpr (sizeof(T) == 2) compare_schedules<T>(spec, ForwardPass{spec, param.size});
  });
}

INSTANTIATE_TEST_SUITE_P(Resident, ResidentSchedules, ::testing::ValuesIn(kCases),
                         [](const auto& of) { return std::string(of.param.name); });

}  // namespace
}  // namespace recur::test
