// What accumulates is summed apart, and added once to what the caller holds: next to a large gradient of
// other calls, terms added one by one would each be rounded to it.
#include <gtest/gtest.h>

#include "contract/session.hpp"
#include "support/problem.hpp"
#include "support/spec_name.hpp"

namespace recur::test {
namespace {

class Accumulation : public ::testing::TestWithParam<Spec> {};

std::vector<float> sum_of(const std::vector<float>& a, const std::vector<float>& b) {
  std::vector<float> sum(a.size());
  for (std::size_t k = 0; k < a.size(); ++k) sum[k] = a[k] + b[k];
  return sum;
}

// Of matrices too, where all rows are one chunk.
TEST_P(Accumulation, RoundsOnce) {
  Spec spec = GetParam();
  spec.input_size = 3;
  set_hidden(spec, 67);  // more than are summed at a time
  const auto problem = oracle::convert<float>(random_problem(spec, 6, 16, 1));
  Session<float> session(problem, {.pass = Pass::training});
  session.set_upstream(oracle::convert<float>(random_output_gradients(spec, 6, 16, 2)));
  session.forward();
  session.backward();
  const oracle::LayerParameters<float> alone = session.gradients[0].dense();

  const oracle::LayerParameters<float>& held = problem.layers[0];
  session.gradients[0] = LayerTensors<float>(held);
  session.gradient_views[0] = session.gradients[0].views<TensorView>(spec, 0);
  session.backward_args.mode = GradientMode::accumulate;
  session.backward();
  const oracle::LayerParameters<float> added = session.gradients[0].dense();
  EXPECT_TRUE(same_bits(added.W, sum_of(held.W, alone.W)));
  EXPECT_TRUE(same_bits(added.R, sum_of(held.R, alone.R)));
  EXPECT_TRUE(same_bits(added.projection, sum_of(held.projection, alone.projection)));
  EXPECT_TRUE(same_bits(added.bW, sum_of(held.bW, alone.bW)));
  EXPECT_TRUE(same_bits(added.bR, sum_of(held.bR, alone.bR)));
  EXPECT_TRUE(same_bits(added.peephole, sum_of(held.peephole, alone.peephole)));
}

INSTANTIATE_TEST_SUITE_P(Cpu, Accumulation, ::testing::ValuesIn(all_cells_and_projections()),
                         [](const auto& instance) { return camel_case(cell_name(instance.param)); });

}  // namespace
}  // namespace recur::test
