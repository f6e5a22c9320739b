/// @file
/// Judges an engine on one Spec and size by the rule of support/tolerance.hpp: forward in training, backward,
/// and the same outputs from inference.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "engines/engine_run.hpp"
#include "oracle/backward.hpp"
#include "oracle/oracle.hpp"
#include "support/problem.hpp"
#include "support/tolerance.hpp"

namespace recur::test {

/// False in instrumented builds (sanitizers, coverage), whose subject is what the code touches and not its
/// numbers: they run one seed of each case and give no verdict, which would take them hours. The release
/// build judges.
#ifdef RECUR_INSTRUMENTED
inline constexpr bool kJudges = false;
#else
inline constexpr bool kJudges = true;
#endif

/// The naive run of a problem of random_problem: in the arithmetic of its storage type, rounded as storage
/// is, or by another policy.
template <class T, class Round = typename StorageOf<T>::Round>
struct Naive {
  using Arithmetic = typename StorageOf<T>::Arithmetic;
  static constexpr Round kRound{};

  explicit Naive(const oracle::Problem<double>& from)
      : problem(as_operands(oracle::convert<Arithmetic>(from))), outputs(oracle::forward(problem, kRound)) {}
  oracle::Gradients<Arithmetic> backward(const oracle::OutputGradients<double>& upstream) const {
    return oracle::backward(problem, outputs, oracle::convert<Arithmetic>(upstream), kRound);
  }

  // W, R, projections and x are nothing but operands of products.
  static oracle::Problem<Arithmetic> as_operands(oracle::Problem<Arithmetic> from) {
    const auto round = [](std::vector<Arithmetic>& tensor) {
      for (Arithmetic& value : tensor) value = kRound.operand(value);
    };
    round(from.x);
    for (auto& layer : from.layers) {
      round(layer.W);
      round(layer.R);
      round(layer.projection);
    }
    return from;
  }

  oracle::Problem<Arithmetic> problem;
  oracle::Result<Arithmetic> outputs;
};

/// Whether no argument of a function is so near its kink that rounding could decide the slope, where neither
/// side would be wrong.
template <class Real>
bool clear_of_kinks(const Spec& spec, const oracle::Result<Real>& exact) {
  if (has_one_signed_sums(spec)) return true;  // no rounding can change the sign
  return oracle::distance_from_kinks(spec, exact) >= 64 * epsilon_of(spec.dtype);
}

/// Takes away what the run does not give.
inline void leave_out(const RunOptions& run, oracle::Problem<double>& problem,
                      oracle::OutputGradients<double>& upstream) {
  if (!run.states) problem.h0 = problem.c0 = {};
  if (!run.final_gradients) upstream.dhN = upstream.dcN = {};
}

/// Runs problems of this Spec and size over fixed seeds until every tensor has enough values, then gives the
/// verdict for each way of running: they share the oracle's work, which takes most of the time, and what is
/// not given.
///
/// Where a run accumulates, the gradients of weights start from those of another random model.
template <class T, class Round = typename StorageOf<T>::Round>
void judge_all(Spec spec, Index steps, Index batch, const std::vector<RunOptions>& runs) {
  using Real = typename StorageOf<T>::Judge;
  spec.dtype = storage_type<T>;
  std::vector<ErrorPools> pools(runs.size(), ErrorPools(spec.dtype));
  std::uint64_t near_kink = 0;
  std::uint64_t seed = 1;
  for (; !pools.front().enough(); ++seed) {
    oracle::Problem<double> problem = problem_for(*runs.front().device, spec, steps, batch, seed);
    if (spec.dropout > 0 && spec.layers > 1)
      problem.dropout_masks = runs.front().device->dropout_masks(spec, steps, batch, seed);
    oracle::OutputGradients<double> upstream = random_output_gradients(spec, steps, batch, seed);
    leave_out(runs.front(), problem, upstream);
    const auto exact_problem = oracle::convert<Real>(problem);
    const auto exact = oracle::forward(exact_problem);
    if (!clear_of_kinks(spec, exact)) {
      ++near_kink;
      ASSERT_LE(near_kink, 1000u) << "data unfit for relu";
      continue;
    }
    const auto exact_gradients = oracle::backward(exact_problem, exact, oracle::convert<Real>(upstream));
    const Naive<T, Round> naive(problem);
    const auto naive_gradients = naive.backward(upstream);
    const auto typed_problem = oracle::convert<T>(problem);
    const auto typed_upstream = oracle::convert<T>(upstream);

    for (std::size_t i = 0; i < runs.size(); ++i) {
      const std::string label = "seed " + std::to_string(seed) + " " + runs[i].simd;
      RunOptions run = runs[i];
      run.dropout_seed = seed;
      EngineRun<T> engine(typed_problem, Pass::training, run);
      pools[i].add(exact, naive.outputs, engine.forward(), label);
      if (runs[i].mode == GradientMode::overwrite) {
        pools[i].add(exact_gradients, naive_gradients, engine.backward(typed_upstream), label);
      } else {
        const auto start = random_problem(spec, 1, 1, seed + 1000000).layers;
        const auto typed_start = oracle::convert<T>(start);
        pools[i].add(oracle::added(exact_gradients, start),
                     oracle::added(naive_gradients, start, naive.kRound),
                     engine.backward(typed_upstream, &typed_start), label);
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
  using Real = typename StorageOf<T>::Judge;
  spec.dtype = storage_type<T>;
  ErrorPools pools(spec.dtype);
  for (std::uint64_t seed = 1; !pools.enough(); ++seed) {
    oracle::Problem<double> problem = problem_for(*run.device, spec, steps, batch, seed);
    oracle::OutputGradients<double> none;
    leave_out(run, problem, none);
    const Naive<T, Round> naive(problem);
    const auto typed_problem = oracle::convert<T>(problem);
    EngineRun<T> engine(typed_problem, Pass::inference, run);
    pools.add(oracle::forward(oracle::convert<Real>(problem)), naive.outputs, engine.forward(),
              "seed " + std::to_string(seed));
    if (!kJudges) return;
  }
  EXPECT_TRUE(pools.verdict());
}

}  // namespace recur::test
