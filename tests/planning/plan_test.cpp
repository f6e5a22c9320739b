// What a plan tells about itself, and to whom.
#include <gtest/gtest.h>

#include <cinttypes>
#include <cmath>
#include <cstdio>

#include "host/cpu/simd/kernels.hpp"
#include "host/engine.hpp"
#include "planning/chips.hpp"
#include "recur/recur.hpp"
#include "support/spec_name.hpp"

namespace recur::test {
namespace {

Spec lstm() {
  Spec spec;
  spec.input_size = 3;
  spec.hidden_size = 5;
  return spec;
}

std::string hex(std::uint64_t value) {
  char text[17];
  std::snprintf(text, sizeof(text), "%016" PRIx64, value);
  return text;
}

TEST(Plan, RemembersTheQuestion) {
  Spec spec = lstm();
  spec.layers = 2;
  spec.direction = Direction::reverse;
  DeviceProps props = Device::cpu().props();
  props.name = "some CPU";
  const Plan plan = make_plan(spec, {7, 9}, Device::from_props(props),
                              {.pass = Pass::training, .threads = 3, .batch_invariant = true});
  EXPECT_EQ(plan.spec().layers, 2);
  EXPECT_EQ(plan.spec().direction, Direction::reverse);
  EXPECT_EQ(plan.shape().steps, 7);
  EXPECT_EQ(plan.shape().batch, 9);
  EXPECT_EQ(plan.options().pass, Pass::training);
  EXPECT_EQ(plan.options().threads, 3);
  EXPECT_TRUE(plan.options().batch_invariant);
  EXPECT_EQ(plan.device().name, "some CPU");
  EXPECT_EQ(plan.engine(), EngineId::cpu);
}

// A copy is the same plan, and outlives the original.
TEST(Plan, IsAValue) {
  std::optional<Plan> original = make_plan(lstm(), {2, 3}, Device::cpu());
  const Plan copy = *original;
  const std::uint64_t fingerprint = original->fingerprint();
  original.reset();
  EXPECT_EQ(copy.fingerprint(), fingerprint);
  EXPECT_EQ(copy.spec().hidden_size, 5);
}

TEST(Plan, ExplainsEveryPart) {
  for (Pass pass : {Pass::inference, Pass::training}) {
    const Plan plan = make_plan(lstm(), {4, 6}, Device::cpu(), {.pass = pass});
    const BufferSizes& sizes = plan.sizes();
    const std::string parts[] = {
        "engine: cpu on " + plan.device().name,
        "tile: " + plan.tile(),
        "resident: 100 % of the recurrent weights",
        "predicted: nothing, without rates",
        "status: tested on CPUs",
        "workspace " + std::to_string(sizes.workspace) + " (with weights prepared " +
            std::to_string(sizes.workspace_prepared) + ", in backward " +
            std::to_string(sizes.workspace_backward) + ")",
        "reserve " + std::to_string(sizes.reserve),
        "buffer of prepared weights " + std::to_string(sizes.prepared_weights),
        "layout: " + hex(plan.layout_id()),
        "fingerprint: " + hex(plan.fingerprint()),
    };
    const std::string text = plan.explain();
    for (const std::string& part : parts)
      EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
    EXPECT_EQ(text.find("CUDA"), std::string::npos) << "engines of other devices are in the way\n" << text;
    EXPECT_FALSE(plan.predicted_seconds().has_value());
    // f32 has no kernels of its own in a set that is about bf16.
    const host::cpu::SimdTarget& simd = *host::cpu::find_target(plan.device().cpu.simd);
    EXPECT_EQ(plan.tile().find(std::string(simd.f32->target) + ", "), 0u) << plan.tile();
    EXPECT_EQ(plan.tile().find("bf16"), std::string::npos) << plan.tile();
  }
}

TEST(Plan, SaysHowBf16IsMultiplied) {
  Spec spec = lstm();
  spec.dtype = DataType::bf16;
  DeviceProps props = Device::cpu().props();
  for (const host::cpu::SimdTarget* target : host::cpu::compiled_targets()) {
    props.cpu.simd = target->name;
    const std::string tile = make_plan(spec, {4, 6}, Device::from_props(props)).tile();
    EXPECT_EQ(tile.find(std::string(target->name) + ", "), 0u) << tile;
    const bool instruction = target->name == "AVX3_BF16";
    EXPECT_EQ(tile.find("; bf16 products by AVX512_BF16") != std::string::npos, instruction) << tile;
    EXPECT_EQ(tile.find("; bf16 products by f32 multiply-adds") != std::string::npos, !instruction) << tile;
  }
}

Rates some_rates() {
  Rates rates;
  rates.operations_per_second.f32 = 1e11;
  rates.activations_per_second.f32 = 1e9;
  rates.levels = {{"L1", 1 << 15, 1e11}, {.name = "memory", .bytes_per_second = 1e10}};
  return rates;
}

// Rates of the machine give predictions, and change nothing else.
TEST(Plan, PredictsFromRates) {
  DeviceProps props = Device::cpu().props();
  for (Pass pass : {Pass::inference, Pass::training}) {
    props.rates.reset();
    const Plan without = make_plan(lstm(), {4, 6}, Device::from_props(props), {.pass = pass});
    props.rates = some_rates();
    const Plan plan = make_plan(lstm(), {4, 6}, Device::from_props(props), {.pass = pass});
    ASSERT_TRUE(plan.predicted_seconds());
    EXPECT_GT(*plan.predicted_seconds(), 0);
    EXPECT_EQ(plan.predicted_backward_seconds().has_value(), pass == Pass::training);
    EXPECT_FALSE(without.predicted_backward_seconds());
    EXPECT_EQ(plan.fingerprint(), without.fingerprint());
    EXPECT_EQ(plan.tile(), without.tile());
    EXPECT_EQ(plan.explain().find("without rates"), std::string::npos) << plan.explain();
    EXPECT_NE(plan.explain().find(" s\nbytes: "), std::string::npos) << plan.explain();
    EXPECT_EQ(plan.explain().find(", backward ") != std::string::npos &&
                  plan.explain().find(" s, backward ") != std::string::npos,
              pass == Pass::training)
        << plan.explain();
  }
  Spec spec = lstm();
  spec.dtype = DataType::f64;
  const Plan plan = make_plan(spec, {4, 6}, Device::from_props(props));
  EXPECT_FALSE(plan.predicted_seconds()) << "the rates are of f32";
}

TEST(Plan, RefusesRatesThatNoMachineHas) {
  struct Bad {
    void (*spoil)(Rates&);
    const char* field;
  };
  constexpr Bad kBad[] = {
      {[](Rates& rates) { rates.threads = 0; }, "threads"},
      {[](Rates& rates) { rates.levels.clear(); }, "levels"},
      {[](Rates& rates) { rates.levels[1].bytes = rates.levels[0].bytes; }, "levels"},
      {[](Rates& rates) { rates.levels[0].bytes_per_second = 0; }, "levels.bytes_per_second"},
      {[](Rates& rates) { rates.operations_per_second.f64 = -1; }, "operations_per_second.f64"},
      {[](Rates& rates) { rates.activations_per_second.f32 = HUGE_VAL; }, "activations_per_second.f32"},
      {[](Rates& rates) { rates.call_seconds = std::nan(""); }, "call_seconds"},
      {[](Rates& rates) { rates.barrier_seconds = -1; }, "barrier_seconds"},
      {[](Rates& rates) { rates.launch_seconds = -1; }, "launch_seconds"},
      {[](Rates& rates) { rates.resident_bytes = -1; }, "resident_bytes"},
      {[](Rates& rates) { rates.hops = {{.name = "hop", .seconds = -1}}; }, "hops.seconds"},
      {[](Rates& rates) { rates.hops = {{.name = "hop", .holds_bytes = 0}}; }, "hops.holds_bytes"},
  };
  for (const Bad& bad : kBad) {
    DeviceProps props = Device::cpu().props();
    props.rates = some_rates();
    bad.spoil(*props.rates);
    try {
      make_plan(lstm(), {4, 6}, Device::from_props(props));
      ADD_FAILURE() << bad.field << " was accepted";
    } catch (const InvalidArgument& error) {
      EXPECT_EQ(std::string(error.what()).find("Rates::" + std::string(bad.field) + ": expected"), 0u)
          << error.what();
    }
  }
}

// What a pass does not need has no bytes.
TEST(Plan, SizesAreThoseOfThePass) {
  const BufferSizes inference = make_plan(lstm(), {4, 6}, Device::cpu()).sizes();
  EXPECT_GT(inference.workspace, 0u);
  EXPECT_GT(inference.workspace_prepared, 0u);
  EXPECT_GT(inference.prepared_weights, 0u);
  EXPECT_EQ(inference.workspace_backward, 0u);
  EXPECT_EQ(inference.reserve, 0u);
  const BufferSizes training = make_plan(lstm(), {4, 6}, Device::cpu(), {.pass = Pass::training}).sizes();
  EXPECT_GT(training.workspace, 0u);
  EXPECT_GT(training.workspace_backward, 0u);
  EXPECT_GT(training.reserve, 0u);
  EXPECT_EQ(training.workspace_prepared, 0u);
  EXPECT_EQ(training.prepared_weights, 0u);
}

TEST(Plan, ResidentFractionIsTheShareThatFitsTheCache) {
  Spec spec = lstm();
  spec.hidden_size = 64;  // R is 4 * 64 * 64 * 4 bytes = 64 KiB
  DeviceProps props = Device::cpu().props();
  const auto fraction = [&](std::size_t l2_bytes) {
    props.cpu.l2_bytes = l2_bytes;
    return make_plan(spec, {4, 6}, Device::from_props(props)).resident_fraction();
  };
  EXPECT_EQ(fraction(64 << 10), 1.0);
  EXPECT_EQ(fraction(1 << 20), 1.0);
  EXPECT_EQ(fraction(16 << 10), 0.25);
  EXPECT_EQ(fraction(0), 0.0);
}

struct Log {
  std::vector<std::string> lines;
  LogCallback callback() {
    return {[](void* user, std::string_view line) { static_cast<Log*>(user)->lines.emplace_back(line); },
            this};
  }
};

TEST(Plan, LogsWhatItDecides) {
  Log log;
  const Plan plan = make_plan(lstm(), {2, 3}, Device::cpu(), {.log = log.callback()});
  ASSERT_EQ(log.lines.size(), 1u);
  EXPECT_EQ(log.lines[0], plan.explain());
}

TEST(Plan, LogsWhyNothingCanRunTheJob) {
  Log log;
  Spec spec = lstm();
  spec.zoneout = 0.5;
  try {
    make_plan(spec, {2, 3}, Device::cpu(), {.log = log.callback()});
    FAIL() << "zoneout was planned";
  } catch (const Unsupported& error) {
    ASSERT_EQ(log.lines.size(), 1u);
    EXPECT_EQ(log.lines[0], error.what());
  }
}

std::string reason_of(EngineId engine, const std::vector<PassedOver>& survey) {
  for (const PassedOver& one : survey) {
    if (one.engine == engine) return one.reason;
  }
  return "not in the survey";
}

TEST(SurveyEngines, ListsEveryEngineInOrder) {
  const auto survey = survey_engines(lstm(), {2, 3}, Device::cpu());
  ASSERT_EQ(survey.size(), host::engines().size());
  for (std::size_t i = 0; i < survey.size(); ++i) EXPECT_EQ(survey[i].engine, host::engines()[i]->id());
  EXPECT_EQ(reason_of(EngineId::cpu, survey), "");
}

TEST(SurveyEngines, GivesReasonsAndThrowsForTheImpossible) {
  Spec spec = lstm();
  spec.zoneout = 0.5;
  EXPECT_EQ(reason_of(EngineId::cpu, survey_engines(spec, {2, 3}, Device::cpu())),
            "zoneout is not implemented");
  spec.zoneout = 2;
  EXPECT_THROW(survey_engines(spec, {2, 3}, Device::cpu()), InvalidArgument);
}

// Which GPU engine best takes, and what a plan says of those before it.
TEST(SurveyEngines, TheResidentEngineComesFirstOnHopper) {
  DeviceProps props = props_of(kChips[0]);
  props.name = "described GPU";
  EXPECT_EQ(host::engines().front()->id(), EngineId::cluster_resident);
  Spec spec = lstm();
  for (DataType type : {DataType::bf16, DataType::f16}) {
    spec.dtype = type;
    for (Pass pass : {Pass::inference, Pass::training}) {
      const Plan plan = make_plan(spec, {4, 6}, Device::from_props(props), {.pass = pass});
      EXPECT_EQ(plan.engine(), EngineId::cluster_resident);
      EXPECT_TRUE(plan.passed_over().empty());
      EXPECT_EQ(plan.resident_fraction(), 1.0);
      EXPECT_EQ(plan.tile().find("R resident in 1 x 1 blocks of 32 units"), 0u) << plan.tile();
      EXPECT_NE(plan.explain().find("engine: cluster-resident on described GPU"), std::string::npos);
    }
  }
  const auto reason_of_fused_plan = [&](const Spec& asked) {
    const Plan plan = make_plan(asked, {4, 6}, Device::from_props(props));
    EXPECT_EQ(plan.engine(), EngineId::fused);
    return reason_of(EngineId::cluster_resident, plan.passed_over());
  };
  EXPECT_EQ(reason_of_fused_plan(lstm()), "dtype f32 is not implemented; bf16 and f16 are");
  props.cuda.compute_major = 8;
  EXPECT_EQ(reason_of_fused_plan(spec), "needs compute capability 9.0 or newer");
}

// A step in one kernel comes before one in two, up to the rows that it takes and where the model has it faster.
TEST(SurveyEngines, TheFusedEngineComesBeforeStepwise) {
  const Device a100 = Device::known("a100-80gb");
  EXPECT_EQ(make_plan(lstm(), {4, 64}, a100).engine(), EngineId::fused);
  const Plan many_rows = make_plan(lstm(), {4, 65}, a100);
  EXPECT_EQ(many_rows.engine(), EngineId::stepwise);
  EXPECT_EQ(reason_of(EngineId::fused, many_rows.passed_over()),
            "more than 64 rows, of which a product of its own makes more");
  Spec wide = lstm();
  wide.hidden_size = 1024;
  wide.dtype = DataType::bf16;
  const Plan slower = make_plan(wide, {4, 64}, a100);
  EXPECT_EQ(slower.engine(), EngineId::stepwise);
  EXPECT_EQ(reason_of(EngineId::fused, slower.passed_over()).find("by the model a step takes "), 0u);
  EXPECT_EQ(make_plan(wide, {4, 64}, a100, {.engine = EngineId::fused}).engine(), EngineId::fused);
  Spec projected = lstm();
  projected.projection_size = 1;
  EXPECT_EQ(make_plan(projected, {4, 6}, a100).engine(), EngineId::stepwise);
}

// What README's table says of engines that no GPU has run, a plan says too; what it passed over on its own
// device stays.
TEST(Plan, SaysThatItsEngineHasNotRunOnAGpu) {
  Spec spec = lstm();
  const std::string text = make_plan(spec, {4, 6}, Device::known("h200")).explain();
  EXPECT_EQ(text.find("engine: fused on NVIDIA H200\nstatus: in simt only: "), 0u) << text;
  EXPECT_NE(text.find("has not run on a GPU\npassed over: cluster-resident: dtype f32 is not implemented"),
            std::string::npos)
      << text;
  EXPECT_EQ(text.find("the CPU only"), std::string::npos) << text;
  EXPECT_NE(status_of(EngineId::cudnn).find("has not run on a GPU"), std::string_view::npos);
}

TEST(KnownDevices, AreWhatTheirMakerPublishes) {
  constexpr std::string_view kNames[] = {"h200", "h100-pcie", "a100-80gb", "l4", "t4"};
  static_assert(std::size(kNames) == std::size(kChips));
  for (std::size_t i = 0; i < std::size(kChips); ++i) {
    const Device device = Device::known(kNames[i]);
    const CudaProps& cuda = device.props().cuda;
    EXPECT_EQ(device.props().kind, DeviceKind::cuda);
    EXPECT_EQ(cuda.ordinal, -1);
    EXPECT_EQ(cuda.compute_major, kChips[i].major) << kNames[i];
    EXPECT_EQ(cuda.compute_minor, kChips[i].minor) << kNames[i];
    EXPECT_EQ(cuda.multiprocessors, kChips[i].multiprocessors) << kNames[i];
    EXPECT_EQ(cuda.shared_per_block_optin, kChips[i].shared_per_block) << kNames[i];
    EXPECT_GE(cuda.shared_per_multiprocessor, cuda.shared_per_block_optin) << kNames[i];
    EXPECT_GT(cuda.l2_bytes, 0u);
    EXPECT_GT(cuda.global_bytes, cuda.l2_bytes);
    EXPECT_EQ(make_plan(lstm(), {4, 6}, device).engine(), EngineId::fused) << kNames[i];
  }
}

TEST(KnownDevices, OthersAreRefusedWithTheNamesThereAre) {
  for (const char* name : {"", "H200", "h300"}) {
    try {
      Device::known(name);
      ADD_FAILURE() << name;
    } catch (const InvalidArgument& error) {
      EXPECT_STREQ(error.what(),
                   ("device: expected one of h200, h100, h100-pcie, a100-80gb, a100-40gb, a10, l4, t4, "
                    "got '" +
                    std::string(name) + "'")
                       .c_str());
    }
  }
}

// An engine that is only asked.
class Asked final : public host::Engine {
 public:
  explicit Asked(bool reference) : reference_(reference) {}
  EngineId id() const override { return EngineId::onednn; }
  bool is_reference() const override { return reference_; }
  std::optional<std::string> refuse(const host::Job&) const override {
    ++times;
    return "its own reason";
  }
  std::unique_ptr<const host::EnginePlan> plan(const host::Job&) const override { return nullptr; }

  mutable int times = 0;

 private:
  bool reference_;
};

TEST(References, AreAskedOnlyWhenNamed) {
  host::Job job{lstm(), {2, 3}, Device::cpu().props(), {}};
  const Asked reference(true);
  for (EngineId other : {EngineId::best, EngineId::cpu}) {
    job.options.engine = other;
    EXPECT_EQ(host::reason_against(reference, job), host::kOnlyWhenNamed);
  }
  EXPECT_EQ(reference.times, 0);
  job.options.engine = EngineId::onednn;
  EXPECT_EQ(host::reason_against(reference, job), "its own reason");
  EXPECT_EQ(reference.times, 1);

  job.options.engine = EngineId::best;
  EXPECT_EQ(host::reason_against(Asked(false), job), "its own reason");
}

TEST(References, ComeLast) {
  bool references = false;
  for (const host::Engine* engine : host::engines()) {
    EXPECT_FALSE(references && !engine->is_reference()) << name_of(engine->id());
    references = engine->is_reference();
  }
}

}  // namespace
}  // namespace recur::test
