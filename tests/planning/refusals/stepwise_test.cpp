// What the stepwise engine takes of jobs on GPUs, described ones too, and what it refuses and why.
#include "planning/refusals/jobs.hpp"

namespace recur::test {
namespace {

// A GPU takes every type and every possible Spec.
TEST(Refusals, EverySpecIsPlannedForAGpuOrImpossible) {
  const auto job_for = [](const Spec& spec) {
    Job job = job_of(spec);
    job.device = absent_gpu();
    return job;
  };
  const std::int64_t planned = expect_of_each_spec(job_for, [](const Spec&) { return true; });
  EXPECT_EQ(planned, 4 * specs_of_a_type());
}

TEST(Refusals, EveryProjectionIsPlannedForAGpu) {
  for (const Spec& cell : all_cells_and_projections()) {
    for (Pass pass : {Pass::inference, Pass::training}) {
      Job job = job_of(small(cell));
      job.device = absent_gpu();
      job.options.pass = pass;
      EXPECT_EQ(examine(job), Outcome::planned) << spec_name(job.spec);
    }
  }
}

TEST(Refusals, TypesAndChips) {
  const auto outcome = [](int major, int minor, DataType type) {
    Job job = with_device(absent_gpu());
    job.device.cuda.compute_major = major;
    job.device.cuda.compute_minor = minor;
    job.spec.dtype = type;
    return examine(job);
  };
  EXPECT_EQ(outcome(7, 0, DataType::f32), Outcome::refused);
  EXPECT_EQ(outcome(7, 5, DataType::f32), Outcome::planned);
  EXPECT_EQ(outcome(7, 5, DataType::f16), Outcome::planned);
  EXPECT_EQ(outcome(7, 5, DataType::bf16), Outcome::refused);
  EXPECT_EQ(outcome(8, 0, DataType::bf16), Outcome::planned);
  EXPECT_EQ(outcome(12, 0, DataType::bf16), Outcome::planned);
}

// A product's sizes and row distances have 31 bits; where batch is outermost, a sequence of sums is one
// distance.
TEST(Refusals, SizesAtTheEdgeOfProducts) {
  const auto on_gpu = [](Job job) {
    job.device = absent_gpu();
    return examine(job);
  };
  EXPECT_EQ(on_gpu(with_sizes(kMostInputs, 1)), Outcome::planned);
  EXPECT_EQ(on_gpu(with_sizes(kMostInputs + 1, 1)), Outcome::refused);
  EXPECT_EQ(on_gpu(with_sizes(1, kMostUnits)), Outcome::planned);
  EXPECT_EQ(on_gpu(with_sizes(1, kMostUnits + 1)), Outcome::refused);
  Job job = with_sizes(1, 1);
  job.shape.batch = 0x7fffffff;
  EXPECT_EQ(on_gpu(job), Outcome::planned);
  job.shape.batch += 1;
  EXPECT_EQ(on_gpu(job), Outcome::refused);
  job = with_sizes(1, 1);
  job.spec.layout = Layout::batch_major;
  job.shape.steps = kMostInputs;
  EXPECT_EQ(on_gpu(job), Outcome::planned);
  job.shape.steps += 1;
  EXPECT_EQ(on_gpu(job), Outcome::refused);
}

TEST(Refusals, EveryRowOfStepwiseIsReached) {
  std::set<const Refusal*> hit;
  for (const Later& later : kLater) {
    Job job = with_device(absent_gpu());
    later.set(job);
    examine(job, &hit);
  }
  examine(small_job(), &hit);
  Job invariant = with_device(absent_gpu());
  invariant.options.batch_invariant = true;
  examine(invariant, &hit);
  Job too_wide = with_sizes(kMostInputs + 1, 1);
  too_wide.device = absent_gpu();
  examine(too_wide, &hit);
  for (int major : {6, 7}) {
    Job old = with_device(absent_gpu());
    old.device.cuda.compute_major = major;
    old.device.cuda.compute_minor = 5;
    old.spec.dtype = DataType::bf16;
    examine(old, &hit);
  }
  expect_reached(EngineId::stepwise, hit);
}

}  // namespace
}  // namespace recur::test
