// Holds a kernel under the schedule that SIMT_ORDER names against the plain schedule: the same bits, and right ones.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <string>

#include "engines/judge.hpp"
#include "simt/launch.hpp"

namespace recur::test {

// As many random problems as give a verdict. A subject has
//
//     problem(seed)                          a problem in f64
//     run(problem, seed)                     results of the engine for it, in T
//     same(results, others)                  whether they have the same bits
//     judge(pools, problem, results, seed)   adds them to the pools, beside those of a naive run
template <class T, class Subject>
void compare_schedules(const Spec& spec, const Subject& subject) {
  ErrorPools pools(spec.dtype);
  for (std::uint64_t seed = 1; !pools.enough(); ++seed) {
    const oracle::Problem<double> problem = subject.problem(seed);
    const simt::Schedule schedule = simt::schedule();
    simt::set_schedule({simt::Order::ascending, 1});
    const auto plain = subject.template run<T>(problem, seed);
    simt::set_schedule({schedule.order, static_cast<std::uint32_t>(seed)});
    const auto other = subject.template run<T>(problem, seed);
    simt::set_schedule(schedule);
    EXPECT_TRUE(subject.same(plain, other)) << "seed " << seed;
    if (::testing::Test::HasFailure() || !kJudges) return;
    subject.template judge<T>(pools, problem, other, seed);
  }
  EXPECT_TRUE(pools.verdict());
}

}  // namespace recur::test
