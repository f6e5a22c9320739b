// What the fused engine takes on a described GPU, and what it refuses and why.
#include "planning/refusals/jobs.hpp"

namespace recur::test {
namespace {

Job for_fused(Job job) {
  job.device = absent_gpu();
  job.options.engine = EngineId::fused;
  return job;
}

// All types but f64, and every possible Spec but projections and cells without R.
TEST(Refusals, EverySpecIsPlannedForTheFusedEngineRefusedByTheTableOrImpossible) {
  const auto job_for = [](const Spec& spec) { return for_fused(job_of(spec)); };
  const std::int64_t planned = expect_of_each_spec(
      job_for, [](const Spec& spec) { return spec.dtype != DataType::f64 && has_R(spec); });
  EXPECT_EQ(planned, 3 * specs_of_a_type(has_R));
}

TEST(Refusals, WhatTheFusedEngineLacksIsNamed) {
  std::set<const Refusal*> hit;
  const auto expect = [&](auto&& set, const std::string& reason) {
    Job job = for_fused(small_job());
    set(job);
    EXPECT_EQ(examine(job, &hit), Outcome::refused) << reason;
    EXPECT_NE(unsupported(job).find("fused: " + reason), std::string::npos) << unsupported(job);
  };
  EXPECT_EQ(examine(for_fused(small_job())), Outcome::planned);
  expect([](Job& job) { job.device = Device::cpu().props(); }, "runs on CUDA devices only");
  expect([](Job& job) { job.device.cuda.compute_major = 6; }, "needs compute capability 7.5 or newer");
  expect(
      [](Job& job) {
        job.device.cuda.compute_major = 7;
        job.device.cuda.compute_minor = 5;
        job.spec.dtype = DataType::bf16;
      },
      "dtype bf16 needs compute capability 8.0 or newer");
  expect([](Job& job) { job.spec.dtype = DataType::f64; },
         "dtype f64 is not implemented; f32, bf16 and f16 are");
  expect([](Job& job) { job.spec.projection_size = 2; }, "a projection_size asks for a second product");
  expect([](Job& job) { job.spec.cell = Cell::min_gru; }, "min-gru has no R, and a step has no product");
  expect([](Job& job) { job.options.batch_invariant = true; }, "batch_invariant is not implemented");
  expect([](Job& job) { job.shape.batch = 65; }, "more than 64 rows");
  expect([](Job& job) { job.spec.input_size = kMostInputs + 1; }, "a product would have a size");
  for (const Later& later : kLater) {
    Job job = for_fused(small_job());
    later.set(job);
    examine(job, &hit);
  }
  expect_reached(EngineId::fused, hit);
}

TEST(Refusals, RowsAtTheEdgeOfTheFusedEngine) {
  Job job = for_fused(small_job());
  job.shape.batch = 64;
  EXPECT_EQ(examine(job), Outcome::planned);
  job.shape.batch = 65;
  EXPECT_EQ(examine(job), Outcome::refused);
  job.options.engine = EngineId::best;
  EXPECT_EQ(examine(job), Outcome::planned) << "stepwise takes it";
}

}  // namespace
}  // namespace recur::test
