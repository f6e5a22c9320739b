// Every cell at sizes with a reason, in every instruction set that the machine has.
#include <gtest/gtest.h>

#include "engines/judge.hpp"
#include "engines/simd_names.hpp"
#include "support/spec_name.hpp"

namespace recur::test {
namespace {

struct Size {
  Index T, B, I, H;
  const char* reason;
};

constexpr Size kSizes[] = {
    {1, 1, 1, 1, "the least of everything"},
    {1, 3, 5, 7, "one step; odd sizes; fewer rows than BLAS is asked for"},
    {6, 1, 4, 16, "one sequence; exactly one AVX-512 vector of f32"},
    {4, 2, 3, 15, "one unit below a vector"},
    {4, 2, 3, 17, "one unit above a vector"},
    {3, 23, 4, 32, "one row below the tile of rows; exactly one panel of an lstm"},
    {3, 25, 4, 33, "one row above the tile of rows; one unit above that panel"},
    {2, 3, 4, 63, "one unit below two panels"},
    {3, 2, 2, 129, "one unit above the widest panel"},
    {40, 16, 8, 64, "several chunks of time"},
    {1000, 2, 3, 9, "drift over a long sequence"},
};

class Sizes : public ::testing::TestWithParam<Spec> {
 protected:
  // `most_work` leaves out sizes that would take the judge too long.
  template <class T>
  void run_all(Index most_work) {
    std::vector<RunOptions> runs;
    for (const std::string& simd : simd_names()) runs.push_back({.simd = simd});
    for (const Size& size : kSizes) {
      if (size.T * size.B * size.H * (size.H + size.I) > most_work) continue;
      SCOPED_TRACE(std::string(size.reason) + ": T=" + std::to_string(size.T) + " B=" +
                   std::to_string(size.B) + " I=" + std::to_string(size.I) + " H=" + std::to_string(size.H));
      Spec spec = GetParam();
      spec.input_size = size.I;
      spec.hidden_size = size.H;
      judge_all<T>(spec, size.T, size.B, runs);
    }
  }
};

TEST_P(Sizes, F32) { run_all<float>(std::numeric_limits<Index>::max()); }
// The judge of f64 computes in software.
TEST_P(Sizes, F64) { run_all<double>(3000); }

INSTANTIATE_TEST_SUITE_P(Cpu, Sizes, ::testing::ValuesIn(all_cells()),
                         [](const auto& instance) { return camel_case(cell_name(instance.param)); });

}  // namespace
}  // namespace recur::test
