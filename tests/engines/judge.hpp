/// @file
/// Judges an engine on one Spec and size by the rule of support/tolerance.hpp: forward in training, backward,
/// and the same outputs from inference.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "engines/engine_run.hpp"
#include "engines/expected.hpp"
#include "support/instrumented.hpp"
#include "support/tolerance.hpp"

namespace recur::test {

/// False in instrumented builds (sanitizers, coverage), whose subject is what the code touches and not its
/// numbers: they run one seed of each case and give no verdict, which would take them hours. The release
/// build judges.
inline constexpr bool kJudges = !kInstrumented;

/// Runs problems of this Spec and size over fixed seeds until every tensor has enough values, then gives the
/// verdict for each way of running: they share what is expected, and what is not given.
///
/// Where a run accumulates, the gradients of weights start from those of another random model.
template <class T, class Round = typename StorageOf<T>::Round>
void judge_all(Spec spec, Index steps, Index batch, const std::vector<RunOptions>& runs) {
  spec.dtype = storage_type<T>;
  std::vector<ErrorPools> pools(runs.size(), ErrorPools(spec.dtype));
  std::uint64_t near_kink = 0;
  std::uint64_t seed = 1;
  // Where seeds are left out, their share is judged, too: of few seeds it would be luck.
  const auto wanted = [&] { return near_kink == 0 ? kPooledValues : 4 * kPooledValues; };
  for (; !pools.front().enough(wanted()); ++seed) {
    const auto right = expected<T, Round>(runs.front(), spec, steps, batch, seed, Pass::training);
    if (!right->clear) {
      ++near_kink;
      ASSERT_LE(near_kink, 1000u) << "data unfit for relu";
      continue;
    }
    for (std::size_t i = 0; i < runs.size(); ++i) {
      const std::string label = "seed " + std::to_string(seed) + " " + runs[i].simd;
      RunOptions run = runs[i];
      run.dropout_seed = seed;
      EngineRun<T> engine(right->problem, Pass::training, run);
      pools[i].add(right->outputs, right->naive_outputs, engine.forward(), label);
      if (runs[i].mode == GradientMode::overwrite) {
        pools[i].add(right->gradients, right->naive_gradients, engine.backward(right->upstream), label);
      } else {
        const auto start = random_problem(spec, 1, 1, seed + 1000000).layers;
        const auto typed_start = oracle::convert<T>(start);
        pools[i].add(oracle::added(right->gradients, start),
                     oracle::added(right->naive_gradients, start, Round{}),
                     engine.backward(right->upstream, &typed_start), label);
      }
    }
    if (::testing::Test::HasFailure() || !kJudges) return;
  }
  EXPECT_LE(2 * near_kink, seed) << "most seeds were left out";
  for (const ErrorPools& pool : pools) EXPECT_TRUE(pool.verdict());
}

template <class T>
void judge(const Spec& spec, Index steps, Index batch, const RunOptions& run) {
  judge_all<T>(spec, steps, batch, {run});
}

/// Inference alone, for what training does not reach: prepared weights, step().
template <class T, class Round = typename StorageOf<T>::Round>
void judge_inference(Spec spec, Index steps, Index batch, const RunOptions& run) {
  spec.dtype = storage_type<T>;
  ErrorPools pools(spec.dtype);
  for (std::uint64_t seed = 1; !pools.enough(); ++seed) {
    const auto right = expected<T, Round>(run, spec, steps, batch, seed, Pass::inference);
    EngineRun<T> engine(right->problem, Pass::inference, run);
    pools.add(right->outputs, right->naive_outputs, engine.forward(), "seed " + std::to_string(seed));
    if (!kJudges) return;
  }
  EXPECT_TRUE(pools.verdict());
}

}  // namespace recur::test
