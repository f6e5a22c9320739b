/// @file
/// The cluster-resident engine with tiles of the test's choosing, no matter what the model of a step would
/// take, and its forward pass under judgement. Backward is the stepwise engine's; engines/ judges it on what
/// this engine's forward saves.
#pragma once

#include <gtest/gtest.h>

#include "engines/judge.hpp"
#include "engines/simt_device.hpp"
#include "host/check.hpp"
#include "host/gpu_pass/plan.hpp"
#include "host/plan_state.hpp"
#include "host/resident/steps.hpp"
#include "host/stepwise/steps.hpp"
#include "host/validate_job.hpp"

namespace recur::test {

struct TileChoice {
  int tile, cluster, batch_tiles;
};

inline std::string text_of(const TileChoice& choice) {
  const auto& tile = recur::resident::kTiles[choice.tile];
  return std::to_string(choice.cluster) + " blocks of " + std::to_string(tile.groups) + " x " +
         std::to_string(tile.splits) + " warps, " + std::to_string(choice.batch_tiles) + " batch tiles";
}

/// What the plans made from now on get.
inline TileChoice& tile_of_plans() {
  static TileChoice choice{1, 2, 1};
  return choice;
}

inline int units_of(const TileChoice& choice) { return recur::resident::kTiles[choice.tile].units(); }

/// Whether a block can hold what it must.
inline bool fits(const TileChoice& choice, const Spec& cell, const Device& device) {
  const auto& tile = recur::resident::kTiles[choice.tile];
  const recur::resident::SharedLayout layout(tile, static_cast<int>(gates_of(cell)), choice.cluster,
                                             choice.batch_tiles);
  return layout.bytes <= device.props().cuda.shared_per_block_optin;
}

inline Plan plan_tiled(const Spec& spec, const recur::Shape& shape, const Device& device,
                       const recur::Options& options) {
  const host::Job job{spec, shape, device.props(), options};
  host::validate_job(job);
  host::resident::Choice choice;
  choice.tile = tile_of_plans().tile;
  choice.cluster = tile_of_plans().cluster;
  choice.batch_tiles = tile_of_plans().batch_tiles;
  const host::gpu_pass::PassPlan plan =
      host::resident::pass_plan(host::gpu_pass::geometry_of(job), choice, host::stepwise::backward_steps());
  return Plan(std::make_shared<const host::PlanState>(job, EngineId::cluster_resident,
                                                      std::vector<PassedOver>(),
                                                      host::gpu_pass::make_engine_plan(job, plan)));
}

inline TestDevice tiled_device() {
  TestDevice device = simt_device("resident", EngineId::cluster_resident);
  device.plan = plan_tiled;
  device.types = {DataType::bf16, DataType::f16};
  return device;
}

/// With more than one batch tile, the first has ended after a step: all its blocks must leave it out while
/// they go on with the next, which has a sequence of all steps.
inline oracle::Problem<double> retiring_problem(const Spec& spec, Index T, Index B, std::uint64_t seed) {
  oracle::Problem<double> problem = random_problem(spec, T, B, seed);
  constexpr auto kRows = static_cast<std::size_t>(recur::resident::kTileRows);
  if (problem.lengths.size() > kRows) {
    for (std::size_t b = 0; b < kRows; ++b) problem.lengths[b] = std::min(problem.lengths[b], 1);
    problem.lengths[kRows] = static_cast<std::int32_t>(T);
  }
  return problem;
}

/// Forward in training and inference in turn (prepared weights: inference), over seeds until the rule of
/// support/tolerance.hpp has enough values.
template <class T>
void judge_forward(Spec spec, Index steps, Index batch, const RunOptions& run) {
  using Real = typename StorageOf<T>::Judge;
  spec.dtype = storage_type<T>;
  ErrorPools pools(spec.dtype);
  for (std::uint64_t seed = 1; !pools.enough(); ++seed) {
    const oracle::Problem<double> problem = retiring_problem(spec, steps, batch, seed);
    const Naive<T> naive(problem);
    const auto typed_problem = oracle::convert<T>(problem);
    const Pass pass = run.prepared || seed % 2 == 0 ? Pass::inference : Pass::training;
    EngineRun<T> engine(typed_problem, pass, run);
    pools.add(oracle::forward(oracle::convert<Real>(problem)), naive.outputs, engine.forward(),
              "seed " + std::to_string(seed));
    if (::testing::Test::HasFailure() || !kJudges) return;
  }
  EXPECT_TRUE(pools.verdict());
}

}  // namespace recur::test
