// What names a plan (its fingerprint) and what names a packing of weights (its layout id).
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <set>

#include "engines/engine_run.hpp"
#include "engines/simd_names.hpp"
#include "host/cpu/simd/kernels.hpp"
#include "host/fields.hpp"
#include "host/plan_state.hpp"
#include "support/other_values.hpp"
#include "support/problem.hpp"
#include "support/spec_name.hpp"

namespace recur::test {
namespace {

struct Question {
  Spec spec;
  Shape shape;
  Options options;
  DeviceProps device = Device::cpu().props();

  Plan plan() const { return make_plan(spec, shape, Device::from_props(device), options); }
};

// Enough work for two threads (see tiling.cpp: 2^21 multiply-adds a pass).
Question lstm_question() {
  Question question;
  question.spec.input_size = 24;
  question.spec.hidden_size = 96;
  question.shape = {8, 12};
  return question;
}

struct Change {
  const char* name;
  std::function<void(Question&)> make;
};

const Change kChanges[] = {
    {"cell", [](Question& q) { q.spec.cell = Cell::gru; }},
    {"peepholes", [](Question& q) { q.spec.peepholes = true; }},
    {"coupled_input_forget", [](Question& q) { q.spec.coupled_input_forget = true; }},
    {"input_size", [](Question& q) { q.spec.input_size += 1; }},
    {"hidden_size", [](Question& q) { q.spec.hidden_size += 1; }},
    {"layers", [](Question& q) { q.spec.layers = 2; }},
    {"direction", [](Question& q) { q.spec.direction = Direction::reverse; }},
    {"both directions", [](Question& q) { q.spec.direction = Direction::bidirectional; }},
    {"bias", [](Question& q) { q.spec.bias = Bias::single; }},
    {"dtype", [](Question& q) { q.spec.dtype = DataType::f64; }},
    {"layout", [](Question& q) { q.spec.layout = Layout::batch_major; }},
    {"variable_lengths", [](Question& q) { q.spec.variable_lengths = true; }},
    {"reset_mask", [](Question& q) { q.spec.reset_mask = true; }},
    {"cell_sequence", [](Question& q) { q.spec.cell_sequence = true; }},
    {"steps", [](Question& q) { q.shape.steps += 1; }},
    {"batch", [](Question& q) { q.shape.batch += 1; }},
    {"pass", [](Question& q) { q.options.pass = Pass::training; }},
    {"batch_invariant", [](Question& q) { q.options.batch_invariant = true; }},
    {"threads", [](Question& q) { q.options.threads = 2; }},
    {"tf32", [](Question& q) { q.options.tf32 = true; }},
};

TEST(Fingerprint, EqualQuestionsHaveEqualOnes) {
  for (const Change& change : kChanges) {
    Question question = lstm_question();
    change.make(question);
    EXPECT_EQ(question.plan().fingerprint(), question.plan().fingerprint()) << change.name;
    EXPECT_EQ(question.plan().layout_id(), question.plan().layout_id()) << change.name;
  }
}

TEST(Fingerprint, EveryFieldThatMattersChangesIt) {
  std::map<std::uint64_t, std::string> seen = {{lstm_question().plan().fingerprint(), "unchanged"}};
  for (const Change& change : kChanges) {
    Question question = lstm_question();
    change.make(question);
    const auto [place, is_new] = seen.emplace(question.plan().fingerprint(), change.name);
    EXPECT_TRUE(is_new) << change.name << " and " << place->second << " have one fingerprint";
  }
}

TEST(Fingerprint, TheVariantOfACellChangesIt) {
  std::map<std::uint64_t, std::string> seen;
  for (Spec spec : all_cells()) {
    Question question = lstm_question();
    spec.input_size = question.spec.input_size;
    spec.hidden_size = question.spec.hidden_size;
    question.spec = spec;
    EXPECT_TRUE(seen.emplace(question.plan().fingerprint(), spec_name(spec)).second) << spec_name(spec);
  }
}

// Sets of the build that have kernels of their own for a type.
std::size_t simd_count(DataType type) {
  std::set<std::string_view> names;
  for (const host::cpu::SimdTarget* target : host::cpu::compiled_targets())
    names.insert(type == DataType::f32 ? target->f32->target : target->bf16->target);
  return names.size();
}

TEST(Fingerprint, TheInstructionSetChangesIt) {
  for (DataType type : {DataType::f32, DataType::bf16}) {
    // By the set whose kernels the type has.
    std::map<std::uint64_t, std::string> fingerprints, layouts;
    for (const host::cpu::SimdTarget* target : host::cpu::compiled_targets()) {
      const std::string kernels(type == DataType::f32 ? target->f32->target : target->bf16->target);
      Question question = lstm_question();
      question.spec.dtype = type;
      question.device.cpu.simd = target->name;
      EXPECT_EQ(fingerprints.emplace(question.plan().fingerprint(), kernels).first->second, kernels);
      EXPECT_EQ(layouts.emplace(question.plan().layout_id(), kernels).first->second, kernels);
    }
    EXPECT_EQ(fingerprints.size(), simd_count(type));
    EXPECT_EQ(layouts.size(), simd_count(type));
  }
}

// What cannot change a bit: spare threads, caches that do not move the tiling, who logs, and whether the
// engine was named.
TEST(Fingerprint, WhatDoesNotMatterDoesNotChangeIt) {
  const std::uint64_t fingerprint = lstm_question().plan().fingerprint();
  Question named = lstm_question();
  named.options.engine = EngineId::cpu;
  EXPECT_EQ(named.plan().fingerprint(), fingerprint);
  Question logged = lstm_question();
  logged.options.log.write = [](void*, std::string_view) {};
  EXPECT_EQ(logged.plan().fingerprint(), fingerprint);
  Question renamed = lstm_question();
  renamed.device.name = "another";
  renamed.device.cpu.l3_bytes *= 2;
  renamed.device.cpu.cores += 1;
  EXPECT_EQ(renamed.plan().fingerprint(), fingerprint);

  Question small = lstm_question();
  small.spec.hidden_size = 4;  // far below the work that wakes a second thread
  const std::uint64_t alone = small.plan().fingerprint();
  small.options.threads = 4;
  ASSERT_EQ(small.plan().threads(), 1);
  EXPECT_EQ(small.plan().fingerprint(), alone);
}

// An engine's plan that is all facts, so that fields no engine takes yet can be asked about.
class NoPlan final : public host::EnginePlan {
 public:
  explicit NoPlan(const host::EngineFacts& facts) : facts_(facts) {}
  const host::EngineFacts& facts() const override { return facts_; }
  void check_forward(Context::State&, const host::ForwardCall&) const override {}
  void check_backward(Context::State&, const host::BackwardCall&) const override {}
  void prepare_weights(Context::State&, Stream, std::span<const LayerWeights>,
                       std::span<std::byte>) const override {}
  void forward(Context::State&, const host::ForwardCall&) const override {}
  void backward(Context::State&, const host::BackwardCall&) const override {}

 private:
  host::EngineFacts facts_;
};

std::uint64_t fingerprint_of(const host::Job& job, EngineId engine = EngineId::cpu,
                             const host::EngineFacts& facts = {}) {
  return host::PlanState(job, engine, {}, std::make_unique<NoPlan>(facts)).fingerprint();
}

TEST(Fingerprint, LaterFieldsCountAlready) {
  const host::Job plain{lstm_question().spec, {2, 3}, {}, {}};
  std::map<std::uint64_t, std::string> seen = {{fingerprint_of(plain), "unchanged"}};
  const auto expect_new = [&](const char* name, const host::Job& job) {
    EXPECT_TRUE(seen.emplace(fingerprint_of(job), name).second) << name;
  };
  host::Job job = plain;
  expect_new("projection_size", (job.spec.projection_size = 7, job));
  job = plain;
  expect_new("dropout", (job.spec.dropout = 0.5, job));
  job = plain;
  expect_new("recurrent_dropout", (job.spec.recurrent_dropout = 0.5, job));
  job = plain;
  expect_new("zoneout", (job.spec.zoneout = 0.5, job));
  job = plain;
  expect_new("clip", (job.spec.clip = 0.5, job));
  job = plain;
  expect_new("layer_norm", (job.spec.layer_norm = true, job));
  job = plain;
  expect_new("forest", (job.spec.forest = true, job));
  job = plain;
  expect_new("checkpoint_interval", (job.options.checkpoint_interval = 2, job));
  job = plain;
  expect_new("truncation_window", (job.options.truncation_window = 2, job));
  for (std::size_t i = 0; i < plain.spec.activations.size(); ++i) {
    job = plain;
    expect_new("a function", (job.spec.activations[i].function = Activation::elu, job));
    expect_new("its alpha", (job.spec.activations[i].alpha = 0.5, job));
    expect_new("its beta", (job.spec.activations[i].beta = 0.5, job));
  }
  for (std::size_t i = 0; i < plain.spec.activations.size(); ++i) {
    job = plain;
    job.spec.direction = Direction::bidirectional;
    job.spec.reverse_activations.emplace();
    expect_new("functions of the reverse direction",
               ((*job.spec.reverse_activations)[i].function = Activation::elu, job));
    expect_new("their alpha", ((*job.spec.reverse_activations)[i].alpha = 0.5, job));
  }
  job = plain;
  expect_new("activation", (job.spec.activation = RnnActivation::relu, job));
  job = plain;
  expect_new("residual", (job.spec.residual = true, job));
  job = plain;
  expect_new("gru_reset", (job.spec.gru_reset = GruReset::before, job));
}

// Every field of the list by itself, set to another value than its default.
TEST(Fingerprint, EveryFieldOfTheListCountsOrIsSaidNotTo) {
  const host::Job plain{lstm_question().spec, {2, 3}, {}, {}};
  std::map<std::uint64_t, std::string_view> seen = {{fingerprint_of(plain), "unchanged"}};
  const auto expect = [&](const auto& field, const host::Job& job) {
    if (field.is_counted) {
      const auto [place, is_new] = seen.emplace(fingerprint_of(job), field.name);
      EXPECT_TRUE(is_new) << field.name << " and " << place->second << " have one fingerprint";
    } else {
      EXPECT_EQ(fingerprint_of(job), fingerprint_of(plain)) << field.name;
    }
  };
  host::each_field<Spec>([&](const auto& field) {
    host::Job job = plain;
    set_other(job.spec.*field.member);
    expect(field, job);
  });
  host::each_field<Options>([&](const auto& field) {
    host::Job job = plain;
    set_other(job.options.*field.member);
    expect(field, job);
  });
}

// Equal fields give equal bits in every version: programs keep them. A field at the end of the list changes
// these; any other change of them is a mistake.
TEST(Fingerprint, BitsOfTheFieldsStay) {
  const auto bits = [](const auto& owner) {
    host::Hash hash;
    host::add_fields(hash, owner);
    return hash.value();
  };
  EXPECT_EQ(bits(Spec{}), 0x40a6e3f8032d86a4u);
  Spec rnn;
  rnn.cell = Cell::rnn;
  rnn.activation = RnnActivation::relu;
  rnn.residual = true;
  rnn.direction = Direction::bidirectional;
  rnn.activations[0] = {Activation::elu, 0.5, 0};
  rnn.reverse_activations.emplace()[0] = {Activation::affine, 2, 0.25};
  rnn.input_size = 24;
  rnn.hidden_size = 96;
  rnn.layout = Layout::batch_major;
  rnn.clip = 3;
  rnn.dropout = 0.25;
  rnn.layers = 2;
  EXPECT_EQ(bits(rnn), 0xe8254096feb7c922u);
  Spec lstm;
  lstm.gru_reset = GruReset::before;
  lstm.peepholes = lstm.coupled_input_forget = lstm.variable_lengths = lstm.reset_mask = true;
  lstm.cell_sequence = lstm.layer_norm = true;
  lstm.projection_size = 7;
  lstm.hidden_size = 11;
  lstm.input_size = 5;
  lstm.recurrent_dropout = 0.125;
  lstm.zoneout = 0.5;
  lstm.dtype = DataType::bf16;
  lstm.bias = Bias::single;
  EXPECT_EQ(bits(lstm), 0x739190bfd369054du);
  EXPECT_EQ(bits(Options{}), 0x40d69e0cf0f65c45u);
  EXPECT_EQ(bits(Options{.engine = EngineId::cpu,
                         .pass = Pass::training,
                         .threads = 3,
                         .batch_invariant = true,
                         .tf32 = true,
                         .cudnn_algorithm = CudnnAlgorithm::fastest,
                         .checkpoint_interval = 4,
                         .truncation_window = 5}),
            0xdfd92afa4e082965u);
}

TEST(Fingerprint, TheEngineAndItsChoicesCount) {
  const host::Job job{lstm_question().spec, {2, 3}, {}, {}};
  const std::uint64_t plain = fingerprint_of(job);
  EXPECT_NE(fingerprint_of(job, EngineId::stepwise), plain);
  host::EngineFacts other_layout;
  other_layout.layout_id = 1;
  EXPECT_NE(fingerprint_of(job, EngineId::cpu, other_layout), plain);
  host::EngineFacts other_bits;
  other_bits.bits_id = 1;
  EXPECT_NE(fingerprint_of(job, EngineId::cpu, other_bits), plain);
}

// On a GPU of Hopper the resident engine comes first. Its bits are its own, and depend on the tile; the
// weights that it takes are those that stepwise takes.
TEST(Fingerprint, OfTheResidentEngine) {
  Question best = lstm_question();
  best.spec.dtype = DataType::bf16;
  best.device = DeviceProps();
  best.device.kind = DeviceKind::cuda;
  best.device.name = "described GPU";
  best.device.cuda.compute_major = 9;
  best.device.cuda.multiprocessors = 132;
  best.device.cuda.shared_per_block_optin = 227u << 10;
  ASSERT_EQ(best.plan().engine(), EngineId::cluster_resident);
  Question named = best;
  named.options.engine = EngineId::cluster_resident;
  EXPECT_EQ(named.plan().fingerprint(), best.plan().fingerprint());
  Question stepwise = best;
  stepwise.options.engine = EngineId::stepwise;
  EXPECT_NE(stepwise.plan().fingerprint(), best.plan().fingerprint());
  EXPECT_EQ(stepwise.plan().layout_id(), best.plan().layout_id());
  EXPECT_EQ(stepwise.plan().sizes().prepared_weights, best.plan().sizes().prepared_weights);

  // Rates predict, and choose nothing.
  Question rated = best;
  rated.device.rates.emplace();
  rated.device.rates->levels = {{.name = "memory", .bytes_per_second = 1e12}};
  EXPECT_EQ(rated.plan().fingerprint(), best.plan().fingerprint());
}

// Who may share a packing: weights do not depend on sizes of the batch, on the direction of time, or on what
// comes with x, as long as the products are formed the same way.
const Change kSharing[] = {
    {"steps", [](Question& q) { q.shape.steps = 1000; }},
    {"batch", [](Question& q) { q.shape.batch = 90; }},
    {"both",
     [](Question& q) {
       q.shape = {1, 1};
     }},
    {"batch_invariant", [](Question& q) { q.options.batch_invariant = true; }},
    {"direction", [](Question& q) { q.spec.direction = Direction::reverse; }},
    {"layout", [](Question& q) { q.spec.layout = Layout::batch_major; }},
    {"variable_lengths", [](Question& q) { q.spec.variable_lengths = true; }},
    {"reset_mask", [](Question& q) { q.spec.reset_mask = true; }},
    {"cell_sequence", [](Question& q) { q.spec.cell_sequence = true; }},
};

TEST(LayoutId, IsSharedByPlansThatPackAlike) {
  const Plan plan = lstm_question().plan();
  for (const Change& change : kSharing) {
    Question question = lstm_question();
    change.make(question);
    EXPECT_EQ(question.plan().layout_id(), plan.layout_id()) << change.name;
    EXPECT_EQ(question.plan().sizes().prepared_weights, plan.sizes().prepared_weights) << change.name;
    EXPECT_NE(question.plan().fingerprint(), plan.fingerprint()) << change.name;
  }
}

TEST(LayoutId, DiffersWhereThePackingDoes) {
  std::map<std::uint64_t, std::string> seen = {{lstm_question().plan().layout_id(), "unchanged"}};
  for (const char* name : {"cell", "peepholes", "coupled_input_forget", "input_size", "hidden_size", "layers",
                           "both directions", "bias", "dtype"}) {
    for (const Change& change : kChanges) {
      if (std::string(change.name) != name) continue;
      Question question = lstm_question();
      change.make(question);
      EXPECT_TRUE(seen.emplace(question.plan().layout_id(), name).second) << name;
    }
  }
}

// One kernel forms the products of every instruction set, however few the rows and whether bits may depend on
// the batch: so there is one packing for each set.
TEST(LayoutId, IsOneForEachInstructionSet) {
  std::set<std::uint64_t> layouts;
  for (const host::cpu::SimdTarget* target : host::cpu::compiled_targets()) {
    SCOPED_TRACE(target->name);
    Question many_rows = lstm_question();
    many_rows.device.cpu.simd = target->name;
    const Plan plan = many_rows.plan();
    layouts.insert(plan.layout_id());
    Question one_row = many_rows;
    one_row.shape = {1, 1};
    Question invariant = many_rows;
    invariant.options.batch_invariant = true;
    for (const Question& other : {one_row, invariant}) {
      EXPECT_EQ(other.plan().layout_id(), plan.layout_id());
      EXPECT_EQ(other.plan().sizes().prepared_weights, plan.sizes().prepared_weights);
    }
  }
  EXPECT_EQ(layouts.size(), simd_count(DataType::f32));
}

// One buffer, prepared by one plan and used by another that differs in its Shape: the same bits as with a
// buffer of its own.
TEST(LayoutId, APreparedBufferServesEveryPlanOfTheLayout) {
  for (const Spec& cell : all_cells()) {
    for (bool batch_invariant : {false, true}) {
      Question question = lstm_question();
      const Spec sizes = question.spec;
      question.spec = cell;
      question.spec.input_size = sizes.input_size;
      question.spec.hidden_size = 19;  // not a whole vector
      question.spec.layers = 2;
      question.options.batch_invariant = batch_invariant;
      const Plan small = question.plan();
      question.shape = {20, 24};
      const Plan large = question.plan();
      ASSERT_EQ(small.layout_id(), large.layout_id());

      const auto problem = oracle::convert<float>(random_problem(question.spec, 5, 4, 1));
      std::vector<LayerTensors<float>> tensors;
      std::vector<LayerWeights> weights;
      for (const auto& layer : problem.layers) tensors.emplace_back(layer);
      for (Index l = 0; l < question.spec.layers; ++l) {
        weights.push_back(tensors[static_cast<std::size_t>(l)].views<ConstTensorView>(question.spec, l));
      }
      Context context(Device::from_props(question.device));
      Aligned<float> x(problem.x);
      const auto run = [&](const Plan& plan, const PreparedWeights& prepared) {
        Aligned<float> y(static_cast<std::size_t>(5 * 4 * 19));
        Aligned<std::byte> workspace(plan.sizes().workspace_prepared);
        ForwardArgs args;
        args.x = ConstTensorView(x.data(), {5, 4, 24});
        args.y = TensorView(y.data(), {5, 4, 19});
        forward(plan, context, Stream(), prepared, args, workspace.bytes());
        return y.vector();
      };
      Aligned<std::byte> by_small(small.sizes().prepared_weights);
      Aligned<std::byte> by_large(large.sizes().prepared_weights);
      const PreparedWeights from_small = prepare_weights(small, context, {}, weights, by_small.bytes());
      const PreparedWeights from_large = prepare_weights(large, context, {}, weights, by_large.bytes());
      EXPECT_EQ(by_small.vector(), by_large.vector()) << cell_name(cell);
      EXPECT_EQ(run(large, from_small), run(large, from_large)) << cell_name(cell);
      EXPECT_EQ(run(small, from_large), run(small, from_small)) << cell_name(cell);
    }
  }
}

}  // namespace
}  // namespace recur::test
