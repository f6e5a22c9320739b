// What holds of all engines: names, reasons, and which one `best` is.
#include <algorithm>

#include "host/gpu/runtime.hpp"
#include "planning/refusals/jobs.hpp"

namespace recur::test {
namespace {

// Each of these has its file here, with a test that reaches every row.
TEST(Refusals, EnginesWithReasonsAreKnown) {
  const std::set<EngineId> known = {EngineId::cpu,   EngineId::stepwise, EngineId::cluster_resident,
                                    EngineId::cudnn, EngineId::onednn,   EngineId::fused};
  for (const Refusal& row : host::refusals()) EXPECT_EQ(known.count(row.engine), 1u) << name_of(row.engine);
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

// What spec.hpp says of a cell is what the cell says of itself.
TEST(Refusals, SpecsAndCellsAgree) {
  for (const Spec& cell : all_cells()) {
    const cells::Traits traits = cells::traits_of(host::variant_of(cell));
    EXPECT_EQ(gates_of(cell), traits.gates) << spec_name(cell);
    EXPECT_EQ(has_recurrent_weights(cell), traits.recurrent) << spec_name(cell);
    EXPECT_EQ(has_cell_state(cell), traits.cell_state) << spec_name(cell);
    EXPECT_EQ(peepholes_of(cell), traits.peepholes) << spec_name(cell);
  }
  EXPECT_EQ(std::ssize(all_cells()), cells::kVariantCount);
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
    if (cell.cell == Cell::gru || cell.cell == Cell::lstm)
      job.spec.activations[1].function = Activation::tanh;
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

// Where nothing is dropped, whoever takes the layer takes it with dropout: in inference, and in one layer.
TEST(Refusals, DropoutThatDropsNothingIsNoReason) {
  for (const host::Engine* engine : host::engines()) {
    for (const Spec& cell : all_cells_and_projections()) {
      for (DataType type : {DataType::f32, DataType::f64, DataType::bf16, DataType::f16}) {
        for (const auto& [pass, layers] :
             {std::pair(Pass::inference, 1), std::pair(Pass::inference, 3), std::pair(Pass::training, 1)}) {
          const bool on_cpu = !std::ranges::count(host::gpu_engines(), engine);
          Job job = job_of(small(cell));
          if (!on_cpu) job.device = absent_gpu();
          job.spec.dtype = type;
          job.spec.layers = layers;
          job.options.pass = pass;
          job.options.engine = engine->id();
          const std::string without = unsupported(job);
          job.spec.dropout = 0.25;
          EXPECT_EQ(unsupported(job), without) << name_of(engine->id()) << " " << spec_name(job.spec);
        }
      }
    }
  }
}

TEST(Refusals, DropoutInTrainingBetweenLayers) {
  for (EngineId engine :
       {EngineId::cpu, EngineId::stepwise, EngineId::cluster_resident, EngineId::fused, EngineId::onednn}) {
    if (!in_build(engine)) continue;
    Job job = small_job();
    job.spec.dtype = engine == EngineId::cluster_resident ? DataType::bf16 : DataType::f32;
    if (engine == EngineId::stepwise || engine == EngineId::cluster_resident || engine == EngineId::fused) {
      job.device = absent_gpu();
    }
    set_dropout(job);
    job.options.engine = engine;
    if (engine == EngineId::onednn) {
      EXPECT_NE(unsupported(job).find("onednn: dropout in training"), std::string::npos) << unsupported(job);
    } else {
      EXPECT_EQ(unsupported(job), "planned");
    }
  }
}

// What both directions have is given once, by whatever name; what only one has is no other's.
TEST(Refusals, FunctionsOfBothDirectionsAreOnePlan) {
  for (const Spec& cell : all_cells()) {
    Spec spec = small(cell);
    spec.direction = Direction::bidirectional;
    const Plan plain = make_plan(spec, {2, 3}, Device::cpu(), {});
    Spec twice = spec;
    twice.reverse_activations.emplace();
    EXPECT_FALSE(make_plan(twice, {2, 3}, Device::cpu(), {}).spec().reverse_activations);
    EXPECT_EQ(make_plan(twice, {2, 3}, Device::cpu(), {}).fingerprint(), plain.fingerprint());
    twice.activations[0] = {Activation::softplus, 3};
    (*twice.reverse_activations)[0] = {Activation::softplus, 4};  // softplus reads no alpha
    EXPECT_FALSE(make_plan(twice, {2, 3}, Device::cpu(), {}).spec().reverse_activations);
    (*twice.reverse_activations)[0] = {};
    const Plan differ = make_plan(twice, {2, 3}, Device::cpu(), {});
    ASSERT_TRUE(differ.spec().reverse_activations);
    // An rnn's own function stays what `activation` says, whatever the forward direction has.
    if (cell.cell == Cell::rnn && cell.activation == RnnActivation::relu) {
      EXPECT_EQ((*differ.spec().reverse_activations)[0].function, Activation::relu);
    }
    EXPECT_NE(differ.fingerprint(), plain.fingerprint());
  }
}

// The reason that a user can do something about comes before those of engines for other devices.
TEST(Refusals, ReasonsOfTheDeviceComeFirst) {
  const auto expect_first = [](Job job, EngineId first) {
    job.spec.zoneout = 0.25;
    const std::string message = unsupported(job);
    const std::string head =
        "no engine can run this on " + job.device.name + ":\n  " + std::string(name_of(first)) + ": ";
    EXPECT_EQ(message.substr(0, head.size()), head) << message;
    const std::size_t other = message.find("devices only");
    if (other != std::string::npos) {
      EXPECT_EQ(message.find("zoneout is not implemented", other), std::string::npos) << message;
    }
  };
  expect_first(small_job(), EngineId::cpu);
  if (in_build(EngineId::stepwise)) expect_first(with_device(absent_gpu()), EngineId::cluster_resident);
}

TEST(Refusals, NamedEnginesThatAreNotThere) {
  for (EngineId engine :
       {EngineId::cpu, EngineId::stepwise, EngineId::cluster_resident, EngineId::fused, EngineId::cudnn}) {
    EXPECT_TRUE(in_build(engine)) << name_of(engine) << ": every build plans for all devices";
  }
  Job job = small_job();
  if (in_build(EngineId::onednn)) return;
  job.options.engine = EngineId::onednn;
  const std::string message = unsupported(job);
  EXPECT_EQ(message, "the named engine cannot run this on " + job.device.name +
                         ":\n  onednn: this build has no such engine");
  // It says so too when the job could not be run anyhow.
  Job impossible = job;
  impossible.spec.layer_norm = true;
  EXPECT_EQ(unsupported(impossible), message);
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
  const bool with_cuda = host::gpu::load_runtime().runtime != nullptr;
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
