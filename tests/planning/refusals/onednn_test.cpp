// What the onednn engine takes, and what it refuses and why.
#include <algorithm>
#include <cstdlib>

#include "host/onednn/availability.hpp"
#include "planning/refusals/jobs.hpp"

namespace recur::test {
namespace {

Job for_onednn(Job job) {
  job.options.engine = EngineId::onednn;
  return job;
}

// What oneDNN's RNN primitives have and this engine passes on, written again from docs/design.md.
bool in_onednn(const Spec& spec) {
  const bool type = spec.dtype == DataType::f32 || spec.dtype == DataType::bf16;
  return type && has_R(spec) && !spec.residual && !spec.coupled_input_forget && !spec.variable_lengths &&
         !spec.reset_mask && !spec.cell_sequence;
}

TEST(Refusals, EverySpecIsPlannedForOneDnnRefusedByTheTableOrImpossible) {
  if (!host::onednn::is_loaded()) GTEST_SKIP() << "no oneDNN";
  std::int64_t planned = 0;
  each_spec([&](const Spec& spec) {
    Job job = for_onednn(job_of(spec));
    job.options.pass = spec.bias == Bias::both ? Pass::training : Pass::inference;
    // Only bf16 may be missing on a machine.
    const bool here = spec.dtype == DataType::f32 || !in_onednn(spec) || !possible(spec) ||
                      host::onednn::has_implementation(job);
    const Outcome expected = !possible(spec)           ? Outcome::impossible
                             : in_onednn(spec) && here ? Outcome::planned
                                                       : Outcome::refused;
    const Outcome outcome = examine(job);
    EXPECT_EQ(outcome, expected) << spec_name(spec) << " " << name_of(spec.dtype);
    planned += outcome == Outcome::planned && spec.dtype == DataType::f32 ? 1 : 0;
  });
  const std::vector<Spec> cells = all_cells();
  EXPECT_EQ(static_cast<std::size_t>(planned),
            static_cast<std::size_t>(std::ranges::count_if(cells, in_onednn)) *
                enumerators<Layout>(0).size() * enumerators<Direction>(0).size() *
                enumerators<Bias>(0).size());
}

TEST(Refusals, OneDnnProjects) {
  if (!host::onednn::is_loaded()) GTEST_SKIP() << "no oneDNN";
  for (bool peepholes : {false, true}) {
    for (Pass pass : {Pass::inference, Pass::training}) {
      for (std::int64_t P : {1, 5}) {  // the least, and as many as units
        Job job = for_onednn(small_job());
        job.spec.peepholes = peepholes;
        job.spec.projection_size = P;
        job.options.pass = pass;
        EXPECT_EQ(examine(job), Outcome::planned) << spec_name(job.spec);
      }
    }
  }
}

// tests/planning/CMakeLists.txt runs this with oneDNN told to use no more than AVX2.
TEST(Refusals, OneDnnHasNoBf16ForOldMachines) {
  if (!host::onednn::is_loaded()) GTEST_SKIP() << "no oneDNN";
  if (std::getenv("ONEDNN_MAX_CPU_ISA") == nullptr) GTEST_SKIP() << "planning_refusals_avx2 runs this";
  for (const Spec& cell : all_cells()) {
    Job job = for_onednn(job_of(small(cell)));
    if (!in_onednn(job.spec)) continue;
    EXPECT_EQ(examine(job), Outcome::planned) << spec_name(job.spec);
    job.spec.dtype = DataType::bf16;
    EXPECT_EQ(examine(job), Outcome::refused) << spec_name(job.spec);
    EXPECT_NE(unsupported(job).find("onednn: oneDNN has no implementation of this on this machine"),
              std::string::npos);
  }
}

TEST(Refusals, OneDnnThatIsNotThereIsSaid) {
  if (!in_build(EngineId::onednn)) GTEST_SKIP() << "oneDNN is not in this build";
  if (host::onednn::is_loaded()) GTEST_SKIP() << "oneDNN is there";
  EXPECT_EQ(examine(for_onednn(small_job())), Outcome::refused);
  EXPECT_NE(unsupported(for_onednn(small_job())).find("onednn: the shared library libdnnl.so.3"),
            std::string::npos);
}

TEST(Refusals, EveryRowOfOneDnnIsReached) {
  if (!in_build(EngineId::onednn)) GTEST_SKIP() << "oneDNN is not in this build";
  std::set<const Refusal*> hit;
  for (const Later& later : kLater) {
    Job job = for_onednn(small_job());
    later.set(job);
    examine(job, &hit);
  }
  DeviceProps other_machine = Device::cpu().props();
  other_machine.cpu.simd = "SVE9";
  for (const DeviceProps& device : {absent_gpu(), other_machine}) {
    examine(for_onednn(with_device(device)), &hit);
  }
  for (void (*set)(Spec&) :
       {+[](Spec& spec) { spec.dtype = DataType::f64; },
        +[](Spec& spec) {
          spec.cell = Cell::rnn;
          spec.residual = true;
        },
        +[](Spec& spec) { spec.cell = Cell::min_gru; }, +[](Spec& spec) { spec.coupled_input_forget = true; },
        +[](Spec& spec) { spec.variable_lengths = true; }, +[](Spec& spec) { spec.reset_mask = true; },
        +[](Spec& spec) { spec.cell_sequence = true; },
        +[](Spec& spec) {
          spec.dtype = DataType::bf16;
          spec.projection_size = 2;
        }}) {
    Job job = for_onednn(small_job());
    set(job.spec);
    examine(job, &hit);
  }
  Job drops = for_onednn(small_job());
  set_dropout(drops);
  examine(drops, &hit);
  Job invariant = for_onednn(small_job());
  invariant.options.batch_invariant = true;
  examine(invariant, &hit);
  examine(for_onednn(with_sizes(kMostInputs + 1, 1)), &hit);
  expect_reached(EngineId::onednn, hit);
}

}  // namespace
}  // namespace recur::test
