// What the CPU engine takes and refuses, and why.
#include "host/cpu/simd/kernels.hpp"
#include "planning/refusals/jobs.hpp"

namespace recur::test {
namespace {

TEST(Refusals, EverySpecIsPlannedRefusedByTheTableOrImpossible) {
  const std::int64_t planned =
      expect_of_each_spec(job_of, [](const Spec& spec) { return spec.dtype != DataType::f16; });
  EXPECT_EQ(planned, 3 * specs_of_a_type());
}

TEST(Refusals, EveryCellPlansInBothPassesWithEveryOption) {
  for (const Spec& cell : all_cells_and_projections()) {
    for (Pass pass : {Pass::inference, Pass::training}) {
      for (bool batch_invariant : {false, true}) {
        for (std::int64_t layers : {1, 2, 64}) {  // one, a stack, the most there may be
          for (int threads : {1, 7}) {
            Job job = job_of(small(cell));
            job.spec.layers = layers;
            job.options.pass = pass;
            job.options.batch_invariant = batch_invariant;
            job.options.threads = threads;
            EXPECT_EQ(examine(job), Outcome::planned) << spec_name(job.spec);
          }
        }
      }
    }
  }
}

TEST(Refusals, EveryLaterFieldIsRefusedByItsName) {
  for (const Later& later : kLater) {
    for (const Spec& cell : all_cells()) {
      Job job = job_of(small(cell));
      later.set(job);
      if (!possible(job.spec)) {
        EXPECT_EQ(examine(job), Outcome::impossible) << later.name;
        continue;
      }
      if (later.on_cpu) {
        EXPECT_EQ(examine(job), Outcome::planned) << later.name;
        continue;
      }
      EXPECT_EQ(examine(job), Outcome::refused) << later.name;
      for (EngineId engine : {EngineId::best, EngineId::cpu}) {
        job.options.engine = engine;
        try {
          make_plan(job.spec, job.shape, Device::from_props(job.device), job.options);
          ADD_FAILURE() << later.name << " was planned";
        } catch (const Unsupported& error) {
          // With what stands before it, so that "dropout" is not found in "recurrent_dropout".
          const std::string message = error.what();
          const std::string field = std::string("cpu: ") + later.name + " ";
          const std::string type = std::string("cpu: dtype ") + later.name + " ";
          EXPECT_TRUE(message.find(field) != std::string::npos || message.find(type) != std::string::npos)
              << later.name << ": " << message;
          EXPECT_NE(message.find("not implemented"), std::string::npos) << message;
          EXPECT_EQ(error.code(), ErrorCode::unsupported);
        }
      }
    }
  }
}

// Several at once: still one of the table's reasons.
TEST(Refusals, CombinationsOfLaterFields) {
  for (unsigned set = 1; set < 1u << std::size(kLater); ++set) {
    Job job = small_job();
    bool on_cpu = true;
    for (std::size_t i = 0; i < std::size(kLater); ++i) {
      if ((set >> i & 1u) == 0) continue;
      kLater[i].set(job);
      on_cpu = on_cpu && kLater[i].on_cpu;
    }
    const Outcome expected = !possible(job.spec) ? Outcome::impossible
                             : on_cpu            ? Outcome::planned
                                                 : Outcome::refused;
    EXPECT_EQ(examine(job), expected) << set;
  }
}

// Rows of products are listed by numbers of 32 bits, and only those of a batch can be so many.
Job with_batch(std::int64_t batch) {
  Job job = with_sizes(1, 1);
  job.shape.batch = batch;
  return job;
}

TEST(Refusals, BatchesAtTheEdgeOfListsOfRows) {
  EXPECT_EQ(examine(with_batch(0x7fffffff)), Outcome::planned);
  EXPECT_EQ(examine(with_batch(0x80000000)), Outcome::refused);
  EXPECT_NE(unsupported(with_batch(0x80000000)).find("cpu: more than 2^31 - 1 sequences"), std::string::npos);
  Job long_sequences = with_batch(3);
  long_sequences.shape.steps = std::int64_t(1) << 32;
  EXPECT_EQ(examine(long_sequences), Outcome::planned);
  // Nor has a row an end that the other engines' products know.
  EXPECT_EQ(examine(with_sizes(kMostInputs + 1, 1)), Outcome::planned);
  EXPECT_EQ(examine(with_sizes(1, kMostUnits + 1)), Outcome::planned);
  EXPECT_EQ(examine(with_sizes(std::int64_t(1) << 33, 1)), Outcome::planned);
}

TEST(Refusals, ADescribedGpuIsRefusedWithTheCpuEnginesReason) {
  Job job = with_device(absent_gpu());
  job.options.engine = EngineId::cpu;
  const std::string message = unsupported(job);
  EXPECT_NE(message.find("described GPU"), std::string::npos) << message;
  EXPECT_NE(message.find("cpu: runs on the CPU only"), std::string::npos) << message;
}

TEST(Refusals, AnInstructionSetThatWasNotBuilt) {
  DeviceProps props = Device::cpu().props();
  for (const char* simd :
       {"", "SVE9", "avx2"}) {  // none, unknown, and names are spelt as Highway spells them
    props.cpu.simd = simd;
    EXPECT_NE(unsupported(with_device(props)).find("instruction set"), std::string::npos) << simd;
  }
  // Every set of the build can be planned for, present on this machine or not.
  for (const host::cpu::SimdTarget* target : host::cpu::compiled_targets()) {
    props.cpu.simd = target->name;
    EXPECT_EQ(examine(with_device(props)), Outcome::planned) << target->name;
  }
}

TEST(Refusals, EveryRowOfTheCpuIsReached) {
  std::set<const Refusal*> hit;
  for (const Later& later : kLater) {
    Job job = small_job();
    later.set(job);
    examine(job, &hit);
  }
  examine(with_device(absent_gpu()), &hit);
  DeviceProps other_machine = Device::cpu().props();
  other_machine.cpu.simd = "SVE9";
  examine(with_device(other_machine), &hit);
  examine(with_batch(0x80000000), &hit);
  expect_reached(EngineId::cpu, hit);
}

}  // namespace
}  // namespace recur::test
