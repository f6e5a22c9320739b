// What the cluster-resident engine takes on a described GPU, and what it refuses and why.
#include "planning/refusals/jobs.hpp"

namespace recur::test {
namespace {

// What a GPU of Hopper takes in the types of the resident engine, first in the order of engines.
Job for_resident(Job job) {
  job.device = absent_gpu();
  job.spec.dtype = DataType::bf16;
  job.options.engine = EngineId::cluster_resident;
  return job;
}

// The resident engine takes both 16-bit types, and every possible Spec with R but projections.
TEST(Refusals, EverySpecIsPlannedForTheResidentEngineRefusedByTheTableOrImpossible) {
  const auto job_for = [](const Spec& spec) {
    Job job = for_resident(job_of(spec));
    job.spec.dtype = spec.dtype;
    return job;
  };
  const std::int64_t planned =
      expect_of_each_spec(job_for, [](const Spec& spec) { return size_of(spec.dtype) == 2 && has_R(spec); });
  EXPECT_EQ(planned, 2 * specs_of_a_type(has_R));
}

TEST(Refusals, WhatTheResidentEngineLacksIsNamed) {
  const auto expect = [](const Job& job, const std::string& reason) {
    EXPECT_EQ(examine(job), Outcome::refused) << reason;
    EXPECT_NE(unsupported(job).find("cluster-resident: " + reason), std::string::npos) << unsupported(job);
  };
  const auto with = [](auto&& set) {
    Job job = for_resident(small_job());
    set(job);
    return job;
  };
  EXPECT_EQ(examine(for_resident(small_job())), Outcome::planned);
  expect(with([](Job& job) { job.device = Device::cpu().props(); }), "runs on CUDA devices only");
  expect(with([](Job& job) {
           job.device.cuda.compute_major = 8;
           job.device.cuda.compute_minor = 9;
         }),
         "needs compute capability 9.0 or newer");
  expect(with([](Job& job) { job.spec.dtype = DataType::f32; }), "dtype f32 is not implemented");
  expect(with([](Job& job) { job.spec.dtype = DataType::f64; }), "dtype f64 is not implemented");
  expect(with([](Job& job) { job.options.batch_invariant = true; }), "batch_invariant is not implemented");
  expect(with([](Job& job) { job.spec.projection_size = 2; }), "projection_size is not implemented");
  expect(with([](Job& job) { job.spec.cell = Cell::min_gru; }),
         "min-gru has no R, and nothing else is kept on chip");
  for (const Later& later : kLater) {
    const std::string name = later.name;
    if (name != "f16") expect(with(later.set), name);
  }
  const Job wide = for_resident(with_sizes(kMostInputs + 1, 1));
  expect(wide, "a product would have a size");
}

// The most units are those whose R a cluster of 16 blocks can hold: of an lstm, 768; another block's worth of
// registers and shared memory for each gate less. A chip of less shared memory holds less.
TEST(Refusals, WeightsAtTheEdgeOfACluster) {
  const auto outcome = [](Cell cell, std::int64_t hidden, std::size_t shared = 227u << 10) {
    Job job = for_resident(small_job());
    job.spec.cell = cell;
    job.spec.hidden_size = hidden;
    job.device.cuda.shared_per_block_optin = shared;
    return examine(job);
  };
  EXPECT_EQ(outcome(Cell::lstm, 768), Outcome::planned);
  EXPECT_EQ(outcome(Cell::lstm, 769), Outcome::refused);
  EXPECT_EQ(outcome(Cell::rnn, 769), Outcome::planned);
  EXPECT_EQ(outcome(Cell::lstm, 768, 99u << 10), Outcome::refused);
  EXPECT_EQ(outcome(Cell::lstm, 1, 1u << 10), Outcome::refused);
  Job job = for_resident(small_job());
  job.spec.hidden_size = 768;
  job.device.cuda.most_cluster = 8;
  EXPECT_EQ(examine(job), Outcome::refused) << "a chip of smaller clusters";
  job.spec.hidden_size = 512;
  EXPECT_EQ(examine(job), Outcome::planned);
  job = for_resident(small_job());
  job.spec.hidden_size = 769;
  EXPECT_NE(unsupported(job).find("R does not fit in the registers and shared memory"), std::string::npos);
  job.options.engine = EngineId::best;
  EXPECT_EQ(examine(job), Outcome::planned) << "stepwise takes it";
}

TEST(Refusals, StepsAtTheEdgeOfALaunch) {
  Job job = for_resident(with_sizes(1, 1));
  job.shape.steps = 0x7fffffff;
  EXPECT_EQ(examine(job), Outcome::planned);
  job.shape.steps += 1;
  EXPECT_EQ(examine(job), Outcome::refused);
  EXPECT_NE(unsupported(job).find("more than 2^31 - 1 steps"), std::string::npos);
}

TEST(Refusals, EveryRowOfTheResidentEngineIsReached) {
  std::set<const Refusal*> hit;
  const Job resident = for_resident(small_job());
  for (const Later& later : kLater) {
    Job job = resident;
    later.set(job);
    examine(job, &hit);
  }
  for (void (*set)(Job&) :
       {+[](Job& job) { job.device = Device::cpu().props(); },
        +[](Job& job) { job.device.cuda.compute_major = 8; },
        +[](Job& job) { job.spec.dtype = DataType::f32; }, +[](Job& job) { job.spec.dtype = DataType::f64; },
        +[](Job& job) { job.spec.projection_size = 2; }, +[](Job& job) { job.spec.cell = Cell::min_gru; },
        +[](Job& job) { job.options.batch_invariant = true; }, +[](Job& job) { job.spec.hidden_size = 769; },
        +[](Job& job) { job.spec.input_size = kMostInputs + 1; },
        +[](Job& job) {
          job.spec.input_size = job.spec.hidden_size = job.shape.batch = 1;
          job.shape.steps = std::int64_t{0x7fffffff} + 1;
        }}) {
    Job job = resident;
    set(job);
    examine(job, &hit);
  }
  expect_reached(EngineId::cluster_resident, hit);
}

}  // namespace
}  // namespace recur::test
