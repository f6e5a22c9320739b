// Every job is planned, refused for a reason of the committed table, or impossible and named so. Nothing
// else.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <set>

#include "host/cpu/simd/kernels.hpp"
#include "host/onednn/availability.hpp"
#include "host/refusals.hpp"
#include "recur/recur.hpp"
#include "support/spec_name.hpp"

namespace recur::test {
namespace {

using host::Job;
using host::Refusal;

Job job_of(const Spec& spec) { return {spec, {2, 3}, Device::cpu().props(), {}}; }

Spec small(Spec spec) {
  spec.input_size = 3;
  spec.hidden_size = 5;
  return spec;
}

Job small_job() { return job_of(small(Spec{})); }

const Refusal* row_of(EngineId engine, const std::string& reason) {
  for (const Refusal& row : host::refusals()) {
    if (row.engine == engine && row.reason == reason) return &row;
  }
  return nullptr;
}

enum class Outcome { planned, refused, impossible };

// Plans the job, by `best` and by name, and holds the outcome against the table. `hit` collects the rows that
// were given as a reason.
Outcome examine(const Job& job, std::set<const Refusal*>* hit = nullptr) {
  const Device device = Device::from_props(job.device);
  std::vector<PassedOver> survey;
  try {
    survey = survey_engines(job.spec, job.shape, device, job.options);
  } catch (const InvalidArgument&) {
    EXPECT_THROW(make_plan(job.spec, job.shape, device, job.options), InvalidArgument);
    return Outcome::impossible;
  }
  if (job.options.engine != EngineId::best) {
    std::erase_if(survey, [&](const PassedOver& one) { return one.engine != job.options.engine; });
  }
  std::string reasons;
  bool accepted = false;
  for (const PassedOver& one : survey) {
    if (one.reason.empty()) {
      accepted = true;
      continue;
    }
    reasons += one.reason;
    if (one.reason == host::kOnlyWhenNamed) continue;  // planning/plan_test.cpp has the rule
    const Refusal* row = row_of(one.engine, one.reason);
    if (row == nullptr) {
      ADD_FAILURE() << name_of(one.engine) << " refuses what no row of the table covers: " << one.reason;
      continue;
    }
    EXPECT_TRUE(host::needs(job, row->feature)) << one.reason;
    if (hit != nullptr) hit->insert(row);
  }
  try {
    const Plan plan = make_plan(job.spec, job.shape, device, job.options);
    EXPECT_TRUE(accepted) << "planned, though surveyed as refused: " << reasons;
    return Outcome::planned;
  } catch (const Unsupported& error) {
    EXPECT_FALSE(accepted) << error.what();
    for (const PassedOver& one : survey) {
      EXPECT_NE(std::string(error.what()).find(one.reason), std::string::npos) << error.what();
    }
    return Outcome::refused;
  }
}

bool in_build(EngineId engine) {
  for (const host::Engine* one : host::engines()) {
    if (one->id() == engine) return true;
  }
  return false;
}

constexpr Cell kCells[] = {Cell::rnn, Cell::gru, Cell::lstm};
constexpr DataType kDataTypes[] = {DataType::f32, DataType::f64, DataType::bf16,
                                   DataType::f16, DataType::i32, DataType::u8};

// Calls f for every Spec over every enumerator and flag that is not "later", sensible or not.
template <class F>
void each_spec(F&& f) {
  for (Cell cell : kCells) {
    for (int flags = 0; flags < 512; ++flags) {
      for (Direction direction : {Direction::forward, Direction::reverse, Direction::bidirectional}) {
        for (Bias bias : {Bias::none, Bias::single, Bias::both}) {
          for (DataType dtype : kDataTypes) {
            Spec spec = small(Spec{});
            spec.cell = cell;
            spec.activation = (flags & 1) != 0 ? RnnActivation::relu : RnnActivation::tanh;
            spec.gru_reset = (flags & 2) != 0 ? GruReset::before : GruReset::after;
            spec.peepholes = (flags & 4) != 0;
            spec.coupled_input_forget = (flags & 8) != 0;
            spec.variable_lengths = (flags & 16) != 0;
            spec.reset_mask = (flags & 32) != 0;
            spec.cell_sequence = (flags & 64) != 0;
            spec.layout = (flags & 128) != 0 ? Layout::batch_major : Layout::time_major;
            spec.residual = (flags & 256) != 0;
            spec.direction = direction;
            spec.bias = bias;
            spec.dtype = dtype;
            f(spec);
          }
        }
      }
    }
  }
}

// What spec.hpp says belongs to which cell, and which types are storage types: written again, from there.
bool possible(const Spec& spec) {
  if (spec.dtype == DataType::i32 || spec.dtype == DataType::u8) return false;
  if (spec.cell != Cell::rnn && (spec.activation != RnnActivation::tanh || spec.residual)) return false;
  if (spec.cell == Cell::rnn && spec.activations[1].function != Activation::standard) return false;
  if (spec.cell != Cell::gru && spec.gru_reset != GruReset::after) return false;
  const bool lstm_only =
      spec.peepholes || spec.coupled_input_forget || spec.cell_sequence || spec.projection_size != 0;
  return spec.cell == Cell::lstm || !lstm_only;
}

TEST(Refusals, EverySpecIsPlannedRefusedByTheTableOrImpossible) {
  std::int64_t planned = 0;
  each_spec([&](const Spec& spec) {
    Job job = job_of(spec);
    // One pass for most Specs, so that this stays quick; the sum of flags picks it.
    job.options.pass = spec.variable_lengths != spec.reset_mask ? Pass::training : Pass::inference;
    const bool implemented = spec.dtype != DataType::f16;
    const Outcome expected = !possible(spec) ? Outcome::impossible
                             : implemented   ? Outcome::planned
                                             : Outcome::refused;
    const Outcome outcome = examine(job);
    EXPECT_EQ(outcome, expected) << spec_name(spec) << " " << name_of(spec.dtype);
    planned += outcome == Outcome::planned ? 1 : 0;
  });
  // rnn: 2 activations x 2 residual, gru: 2 resets, lstm: 2 peepholes x 2 couplings x 2 cell sequences; each
  // with 2 lengths x 2 masks x 2 layouts x 3 directions x 3 biases x 3 types.
  EXPECT_EQ(planned, (4 + 2 + 8) * 2 * 2 * 2 * 3 * 3 * 3);
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

// A field that not every engine does yet: how to set it, and the name a user must read.
struct Later {
  const char* name;
  void (*set)(Job&);
  bool on_cpu = false;  // the CPU engine does it
};
constexpr Later kLater[] = {
    {"dropout", [](Job& job) { job.spec.dropout = 0.25; }},
    {"recurrent_dropout", [](Job& job) { job.spec.recurrent_dropout = 0.25; }},
    {"zoneout", [](Job& job) { job.spec.zoneout = 0.25; }},
    {"clip", [](Job& job) { job.spec.clip = 3; }, true},
    {"layer_norm", [](Job& job) { job.spec.layer_norm = true; }},
    {"activations", [](Job& job) { job.spec.activations[1].function = Activation::softsign; }, true},
    {"checkpoint_interval", [](Job& job) { job.options.checkpoint_interval = 4; }},
    {"truncation_window", [](Job& job) { job.options.truncation_window = 4; }},
    {"f16", [](Job& job) { job.spec.dtype = DataType::f16; }},
};

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

DeviceProps absent_gpu() {
  DeviceProps props;
  props.kind = DeviceKind::cuda;
  props.name = "described GPU";
  props.cuda.compute_major = 9;
  props.cuda.multiprocessors = 132;
  props.cuda.shared_per_block_optin = 227u << 10;
  return props;
}

// Functions that are the cell's own are so by whatever name: every engine takes them, and makes one plan.
TEST(Refusals, OwnFunctionsSpeltOutAreNoOthers) {
  for (const Spec& cell : all_cells()) {
    Job job = job_of(small(cell));
    const Activation gate = cell.cell != Cell::rnn                   ? Activation::sigmoid
                            : cell.activation == RnnActivation::relu ? Activation::relu
                                                                     : Activation::tanh;
    // Parameters that they do not read.
    job.spec.activations[0] = {gate, 0.5, -2};
    if (cell.cell != Cell::rnn) job.spec.activations[1].function = Activation::tanh;
    if (cell.cell == Cell::lstm) job.spec.activations[2].function = Activation::tanh;
    job.spec.activation = RnnActivation::tanh;  // of an rnn whatever `activations` says comes first
    const Device device = Device::from_props(job.device);
    const auto survey = survey_engines(job.spec, job.shape, device, {});
    const auto standard = survey_engines(small(cell), job.shape, device, {});
    ASSERT_EQ(survey.size(), standard.size());
    for (std::size_t i = 0; i < survey.size(); ++i) EXPECT_EQ(survey[i].reason, standard[i].reason);
    const Plan plan = make_plan(job.spec, job.shape, device, {});
    EXPECT_EQ(plan.fingerprint(), make_plan(small(cell), job.shape, device, {}).fingerprint());
    EXPECT_EQ(plan.spec().activations[0].function, Activation::standard);
    EXPECT_EQ(plan.spec().activation, cell.activation);
    job.spec.activations[0].function = Activation::softplus;
    EXPECT_NE(make_plan(job.spec, job.shape, device, {}).fingerprint(), plan.fingerprint());
    if (in_build(EngineId::stepwise)) {
      job.device = absent_gpu();
      EXPECT_EQ(examine(job), Outcome::refused) << "other functions, on a GPU";
      job.spec.activations[0].function = gate;
      EXPECT_EQ(examine(job), Outcome::planned) << spec_name(job.spec);
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
    EXPECT_EQ(examine(job), on_cpu ? Outcome::planned : Outcome::refused) << set;
  }
}

std::string unsupported(const Job& job) {
  try {
    make_plan(job.spec, job.shape, Device::from_props(job.device), job.options);
  } catch (const Unsupported& error) {
    return error.what();
  }
  return "planned";
}

Job with_device(const DeviceProps& device) {
  Job job = small_job();
  job.device = device;
  return job;
}

// What a GPU of Hopper takes in the types of the resident engine, first in the order of engines.
Job for_resident(Job job) {
  job.device = absent_gpu();
  job.spec.dtype = DataType::bf16;
  job.options.engine = EngineId::cluster_resident;
  return job;
}

Job with_sizes(std::int64_t input_size, std::int64_t hidden_size) {
  Job job = small_job();
  job.spec.cell = Cell::rnn;  // the fewest gates, so that nothing overflows first
  job.spec.input_size = input_size;
  job.spec.hidden_size = hidden_size;
  job.shape = {1, 1};
  return job;
}

// The widest row is 4 sums of a unit (I may be a quarter of 2^31 - 1) and an input of both directions'
// outputs (H half of that).
constexpr std::int64_t kMostInputs = 0x7fffffff / 4;
constexpr std::int64_t kMostUnits = kMostInputs / 2;

// A GPU takes every type and every possible Spec.
TEST(Refusals, EverySpecIsPlannedForAGpuOrImpossible) {
  if (!in_build(EngineId::stepwise)) GTEST_SKIP() << "no GPU engine in this build";
  each_spec([&](const Spec& spec) {
    Job job = job_of(spec);
    job.device = absent_gpu();
    job.options.pass = spec.variable_lengths != spec.reset_mask ? Pass::training : Pass::inference;
    EXPECT_EQ(examine(job), possible(spec) ? Outcome::planned : Outcome::impossible)
        << spec_name(spec) << " " << name_of(spec.dtype);
  });
}

// The resident engine takes both 16-bit types, and every possible Spec but residual rnn and projections.
TEST(Refusals, EverySpecIsPlannedForTheResidentEngineRefusedByTheTableOrImpossible) {
  if (!in_build(EngineId::cluster_resident)) GTEST_SKIP() << "no GPU engine in this build";
  std::int64_t planned = 0;
  each_spec([&](const Spec& spec) {
    Job job = for_resident(job_of(spec));
    job.spec.dtype = spec.dtype;
    job.options.pass = spec.variable_lengths != spec.reset_mask ? Pass::training : Pass::inference;
    const bool implemented = size_of(spec.dtype) == 2 && !spec.residual;
    const Outcome expected = !possible(spec) ? Outcome::impossible
                             : implemented   ? Outcome::planned
                                             : Outcome::refused;
    const Outcome outcome = examine(job);
    EXPECT_EQ(outcome, expected) << spec_name(spec) << " " << name_of(spec.dtype);
    planned += outcome == Outcome::planned ? 1 : 0;
  });
  // As on the CPU without residual rnn, in two types instead of three.
  EXPECT_EQ(planned, (2 + 2 + 8) * 2 * 2 * 2 * 3 * 3 * 2);
}

TEST(Refusals, WhatTheResidentEngineLacksIsNamed) {
  if (!in_build(EngineId::cluster_resident)) GTEST_SKIP() << "no GPU engine in this build";
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
  expect(with([](Job& job) {
           job.spec.cell = Cell::rnn;
           job.spec.residual = true;
         }),
         "residual is not implemented");
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
  if (!in_build(EngineId::cluster_resident)) GTEST_SKIP() << "no GPU engine in this build";
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
  job.spec.hidden_size = 769;
  EXPECT_NE(unsupported(job).find("R does not fit in the registers and shared memory"), std::string::npos);
  job.options.engine = EngineId::best;
  EXPECT_EQ(examine(job), Outcome::planned) << "stepwise takes it";
}

TEST(Refusals, StepsAtTheEdgeOfALaunch) {
  if (!in_build(EngineId::cluster_resident)) GTEST_SKIP() << "no GPU engine in this build";
  Job job = for_resident(with_sizes(1, 1));
  job.shape.steps = 0x7fffffff;
  EXPECT_EQ(examine(job), Outcome::planned);
  job.shape.steps += 1;
  EXPECT_EQ(examine(job), Outcome::refused);
  EXPECT_NE(unsupported(job).find("more than 2^31 - 1 steps"), std::string::npos);
}

TEST(Refusals, EveryProjectionIsPlannedForAGpu) {
  if (!in_build(EngineId::stepwise)) GTEST_SKIP() << "no GPU engine in this build";
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
  if (!in_build(EngineId::stepwise)) GTEST_SKIP() << "no GPU engine in this build";
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

Job for_onednn(Job job) {
  job.options.engine = EngineId::onednn;
  return job;
}

// What oneDNN's RNN primitives have and this engine passes on, written again from docs/design.md.
bool in_onednn(const Spec& spec) {
  const bool type = spec.dtype == DataType::f32 || spec.dtype == DataType::bf16;
  return type && !spec.residual && !spec.coupled_input_forget && !spec.variable_lengths && !spec.reset_mask &&
         !spec.cell_sequence;
}

TEST(Refusals, EverySpecIsPlannedForOneDnnRefusedByTheTableOrImpossible) {
  if (!host::onednn::is_loaded()) GTEST_SKIP() << "no oneDNN";
  std::int64_t planned = 0;
  each_spec([&](const Spec& spec) {
    Job job = for_onednn(job_of(spec));
    job.options.pass = spec.bias == Bias::both ? Pass::training : Pass::inference;
    // Only bf16 may be missing on a machine.
    const bool here = spec.dtype == DataType::f32 || !in_onednn(spec) || !possible(spec) ||
                      !host::needs(job, host::Feature::onednn_without_implementation);
    const Outcome expected = !possible(spec)           ? Outcome::impossible
                             : in_onednn(spec) && here ? Outcome::planned
                                                       : Outcome::refused;
    const Outcome outcome = examine(job);
    EXPECT_EQ(outcome, expected) << spec_name(spec) << " " << name_of(spec.dtype);
    planned += outcome == Outcome::planned && spec.dtype == DataType::f32 ? 1 : 0;
  });
  // 2 activations, 2 resets and 2 peepholes, each with 2 layouts x 3 directions x 3 biases.
  EXPECT_EQ(planned, (2 + 2 + 2) * 2 * 3 * 3);
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

// A product's sizes and row distances have 31 bits; where batch is outermost, a sequence of sums is one
// distance.
TEST(Refusals, SizesAtTheEdgeOfProducts) {
  if (!in_build(EngineId::stepwise)) GTEST_SKIP() << "no GPU engine in this build";
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

TEST(Refusals, SizesAtTheEdgeOfBlas) {
  EXPECT_EQ(examine(with_sizes(kMostInputs, 1)), Outcome::planned);
  EXPECT_EQ(examine(with_sizes(kMostInputs + 1, 1)), Outcome::refused);
  EXPECT_EQ(examine(with_sizes(1, kMostUnits)), Outcome::planned);
  EXPECT_EQ(examine(with_sizes(1, kMostUnits + 1)), Outcome::refused);
}

TEST(Refusals, EveryRowOfTheTableIsReached) {
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
  examine(with_sizes(kMostInputs + 1, 1), &hit);

  for (const Later& later : kLater) {
    Job job = with_device(absent_gpu());
    later.set(job);
    examine(job, &hit);
  }
  Job invariant = with_device(absent_gpu());
  invariant.options.batch_invariant = true;
  examine(invariant, &hit);
  Job too_wide = with_sizes(kMostInputs + 1, 1);
  too_wide.device = absent_gpu();
  examine(too_wide, &hit);
  Job resident = for_resident(small_job());
  resident.options.engine = EngineId::best;
  for (const Later& later : kLater) {
    Job job = resident;
    later.set(job);
    examine(job, &hit);
  }
  for (void (*set)(Job&) :
       {+[](Job& job) { job.spec.dtype = DataType::f64; }, +[](Job& job) { job.spec.projection_size = 2; },
        +[](Job& job) { job.options.batch_invariant = true; }, +[](Job& job) { job.spec.hidden_size = 769; },
        +[](Job& job) { job.spec.input_size = kMostInputs + 1; },
        +[](Job& job) {
          job.spec.cell = Cell::rnn;
          job.spec.residual = true;
        },
        +[](Job& job) {
          job.spec.input_size = job.spec.hidden_size = job.shape.batch = 1;
          job.shape.steps = std::int64_t{0x7fffffff} + 1;
        }}) {
    Job job = resident;
    set(job);
    examine(job, &hit);
  }
  for (int major : {6, 7}) {
    Job old = with_device(absent_gpu());
    old.device.cuda.compute_major = major;
    old.device.cuda.compute_minor = 5;
    old.spec.dtype = DataType::bf16;
    examine(old, &hit);
  }

  for (const Later& later : kLater) {
    Job job = for_onednn(small_job());
    later.set(job);
    examine(job, &hit);
  }
  for (const DeviceProps& device : {absent_gpu(), other_machine}) {
    examine(for_onednn(with_device(device)), &hit);
  }
  for (void (*set)(Spec&) :
       {+[](Spec& spec) { spec.dtype = DataType::f64; },
        +[](Spec& spec) {
          spec.cell = Cell::rnn;
          spec.residual = true;
        },
        +[](Spec& spec) { spec.coupled_input_forget = true; },
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
  Job invariant_onednn = for_onednn(small_job());
  invariant_onednn.options.batch_invariant = true;
  examine(invariant_onednn, &hit);
  examine(for_onednn(with_sizes(kMostInputs + 1, 1)), &hit);

  // Of machines; the tests of oneDNN above are about these.
  using host::Feature;
  const auto of_machine = [](const Refusal& row) {
    return row.feature == Feature::onednn_not_loaded || row.feature == Feature::onednn_without_implementation;
  };
  for (const Refusal& row : host::refusals()) {
    if (!in_build(row.engine) || of_machine(row) || row.engine == EngineId::cudnn)
      continue;  // EveryRowOfCudnnIsReached
    EXPECT_EQ(hit.count(&row), 1u) << name_of(row.engine) << ": " << row.reason;
  }
}

// What cuDNN lacks, whatever the device says: by name and with the reason. Reasons of the table come before
// the device's.
TEST(Refusals, EveryRowOfCudnnIsReached) {
  if (!in_build(EngineId::cudnn)) GTEST_SKIP() << "no cudnn engine in this build";
  std::set<const Refusal*> hit;
  const auto expect = [&](Job job, const std::string& reason) {
    job.options.engine = EngineId::cudnn;
    const std::string message = unsupported(job);
    EXPECT_NE(message.find("cudnn: " + reason), std::string::npos) << message;
    for (const Refusal& row : host::refusals()) {
      if (row.engine == EngineId::cudnn && message.ends_with("cudnn: " + std::string(row.reason)))
        hit.insert(&row);
    }
  };
  const auto on_gpu = [](auto&& set) {
    Job job = with_device(absent_gpu());
    set(job);
    return job;
  };
  expect(small_job(), "runs on CUDA devices only");
  expect(on_gpu([](Job&) {}), "needs the device to plan for it");
  expect(on_gpu([](Job& job) { job.options.batch_invariant = true; }), "batch_invariant");
  expect(on_gpu([](Job& job) {
           job.spec.cell = Cell::gru;
           job.spec.gru_reset = GruReset::before;
         }),
         "cuDNN's gru resets after the product only");
  expect(on_gpu([](Job& job) {
           job.spec.cell = Cell::rnn;
           job.spec.residual = true;
         }),
         "cuDNN has no residual rnn");
  expect(on_gpu([](Job& job) { job.spec.peepholes = true; }), "cuDNN has no peepholes");
  expect(on_gpu([](Job& job) { job.spec.coupled_input_forget = true; }), "cuDNN has no coupled");
  expect(on_gpu([](Job& job) { job.spec.direction = Direction::reverse; }), "cuDNN reads in reverse only");
  expect(on_gpu([](Job& job) { job.spec.reset_mask = true; }), "cuDNN has no reset mask");
  expect(on_gpu([](Job& job) { job.spec.cell_sequence = true; }), "cuDNN gives the last cell state only");
  for (const Later& later : kLater) {
    const std::string name = later.name;
    const bool has = name == "f16" || name == "dropout";
    expect(on_gpu(later.set), has ? "needs the device to plan for it" : name);
  }
  expect(on_gpu([](Job& job) { job.spec.projection_size = 2; }), "needs the device to plan for it");
  expect(on_gpu([](Job& job) { job.spec.projection_size = job.spec.hidden_size; }),
         "cuDNN takes a projection_size of H for none");
  const auto persistent = [](Job& job) {
    job.options.cudnn_algorithm = CudnnAlgorithm::persist_static_small_h;
  };
  expect(on_gpu([&](Job& job) {
           persistent(job);
           job.spec.dtype = DataType::f64;
         }),
         "cudnn_algorithm: this one does not take the dtype");
  expect(on_gpu([&](Job& job) {
           persistent(job);
           job.spec.variable_lengths = true;
         }),
         "cudnn_algorithm: this one does not take variable_lengths");
  expect(on_gpu([&](Job& job) {
           persistent(job);
           job.spec.projection_size = 2;
         }),
         "cudnn_algorithm: this one does not take projection_size");
  expect(on_gpu([&](Job& job) {
           job.options.cudnn_algorithm = CudnnAlgorithm::persist_dynamic;
           job.spec.dropout = 0.25;
         }),
         "cudnn_algorithm: this one does not take dropout");
  // The fastest is one that does.
  for (auto set :
       {+[](Job& job) { job.spec.dtype = DataType::f64; },
        +[](Job& job) { job.spec.variable_lengths = true; }, +[](Job& job) { job.spec.projection_size = 2; },
        +[](Job& job) { job.spec.dropout = 0.25; }}) {
    expect(on_gpu([&](Job& job) {
             job.options.cudnn_algorithm = CudnnAlgorithm::fastest;
             set(job);
           }),
           "needs the device to plan for it");
  }
  expect(on_gpu([](Job& job) { job.shape.batch = 0x7fffffff / 2; }),
         "a tensor would have more than 2^31 - 1");

  for (const Refusal& row : host::refusals()) {
    EXPECT_EQ(hit.count(&row), row.engine == EngineId::cudnn ? 1u : 0u) << row.reason;
  }
}

TEST(Refusals, ReasonsOfAnEngineDiffer) {
  for (const Refusal& row : host::refusals()) EXPECT_EQ(row_of(row.engine, std::string(row.reason)), &row);
}

TEST(Refusals, BestIsAnEngineOfTheDevice) {
  for (const host::Engine* engine : host::engines()) {
    const bool on_cpu = !std::ranges::count(host::gpu_engines(), engine);
    Job job = on_cpu ? small_job() : with_device(absent_gpu());
    const Plan plan = make_plan(job.spec, job.shape, Device::from_props(job.device), job.options);
    EXPECT_EQ(plan.engine() == EngineId::cpu, on_cpu);
    job.options.engine = engine->id();
    job.device = on_cpu ? absent_gpu() : Device::cpu().props();
    EXPECT_NE(unsupported(job).find(on_cpu ? "runs on the CPU only" : "runs on CUDA devices only"),
              std::string::npos);
  }
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

TEST(Refusals, NamedEngines) {
  Job job = small_job();
  for (EngineId engine : {EngineId::stepwise, EngineId::cluster_resident, EngineId::grid_resident,
                          EngineId::cudnn, EngineId::onednn}) {
    if (in_build(engine)) continue;
    job.options.engine = engine;
    const std::string message = unsupported(job);
    EXPECT_NE(message.find(std::string(name_of(engine)) + ": this build has no such engine"),
              std::string::npos)
        << message;
    // It says so too when the job could not be run anyhow.
    Job impossible = job;
    impossible.spec.layer_norm = true;
    EXPECT_EQ(unsupported(impossible), message);
  }
}

TEST(Refusals, BestAndTheNameOfWhatItTakesAreOnePlan) {
  Job job = small_job();
  const Device device = Device::from_props(job.device);
  const Plan best = make_plan(job.spec, job.shape, device, job.options);
  EXPECT_EQ(best.engine(), EngineId::cpu);
  // Engines of GPUs come first, and say that this is none; references come last.
  const auto passed = std::ranges::count_if(
      host::gpu_engines(), [](const host::Engine* engine) { return !engine->is_reference(); });
  EXPECT_EQ(best.passed_over().size(), static_cast<std::size_t>(passed));
  job.options.engine = best.engine();
  const Plan named = make_plan(job.spec, job.shape, device, job.options);
  EXPECT_EQ(named.engine(), best.engine());
  EXPECT_EQ(named.fingerprint(), best.fingerprint());
}

TEST(Refusals, ACudaDeviceThatIsNotThere) {
#ifdef RECUR_SIMT
  GTEST_SKIP() << "an emulated one is";
#endif
  const bool with_cuda = in_build(EngineId::stepwise);
  for (int index : {1000, -1}) {
    try {
      Device::cuda(index);
      ADD_FAILURE() << "CUDA device " << index;
    } catch (const Unsupported& error) {
      const std::string message = error.what();
      EXPECT_NE(message.find("CUDA device " + std::to_string(index)), std::string::npos) << message;
      EXPECT_NE(message.find(with_cuda ? "the driver has" : "no CUDA engine"), std::string::npos) << message;
    }
  }
}

}  // namespace
}  // namespace recur::test
