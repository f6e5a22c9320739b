/// @file
/// Jobs that an engine takes or not, and what planning makes of them, held against the table of refusals.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <set>
#include <string>
#include <type_traits>
#include <vector>

#include "engines/enumerators.hpp"
#include "host/refusals.hpp"
#include "planning/chips.hpp"
#include "recur/recur.hpp"
#include "support/spec_name.hpp"

namespace recur::test {

using host::Job;
using host::Refusal;

inline Job job_of(const Spec& spec) { return {spec, {2, 3}, Device::cpu().props(), {}}; }

inline Spec small(Spec spec) {
  spec.input_size = 3;
  spec.hidden_size = 5;
  return spec;
}

inline Job small_job() { return job_of(small(Spec{})); }

inline const Refusal* row_of(EngineId engine, const std::string& reason) {
  for (const Refusal& row : host::refusals()) {
    if (row.engine == engine && row.reason == reason) return &row;
  }
  return nullptr;
}

enum class Outcome { planned, refused, impossible };

/// Plans the job, by `best` and by name, and holds the outcome against the table. `hit` collects the rows
/// that
// were given as a reason.
inline Outcome examine(const Job& job, std::set<const Refusal*>* hit = nullptr) {
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
    EXPECT_TRUE(row->applies(job)) << one.reason;
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

inline bool in_build(EngineId engine) {
  for (const host::Engine* one : host::engines()) {
    if (one->id() == engine) return true;
  }
  return false;
}

// The values of an axis, each as what sets it in a Spec.
using Axis = std::vector<std::function<void(Spec&)>>;

// An axis for every flag and enumeration of Spec, over all its values; those of the field list alone, so that a
// new one is tried by itself. No engine has layer normalisation: kLater asks for it. A forest wants a shape of its
// own: kLater asks for it, too.
inline std::vector<Axis> axes_of_spec() {
  std::vector<Axis> axes;
  host::each_field<Spec>([&]<class Value>(const host::Field<Spec, Value>& field) {
    std::vector<Value> values;
    if constexpr (std::is_same_v<Value, bool>) {
      values = {false, true};
    } else if constexpr (std::is_enum_v<Value>) {
      values = enumerators<Value>(0);
    }
    if (values.empty() || field.id == host::FieldId::layer_norm || field.id == host::FieldId::forest) return;
    Axis& axis = axes.emplace_back();
    for (const auto& value : values)
      axis.emplace_back([member = field.member, to = Value(value)](Spec& spec) { spec.*member = to; });
  });
  return axes;
}

// Calls f for every Spec over the axes, sensible or not.
template <class F>
inline void each_spec(F&& f) {
  const std::vector<Axis> axes = axes_of_spec();
  std::vector<std::size_t> at(axes.size(), 0);
  for (std::size_t axis = 0; axis < axes.size();) {
    Spec spec = small(Spec{});
    for (std::size_t i = 0; i < axes.size(); ++i) axes[i][at[i]](spec);
    f(spec);
    for (axis = 0; axis < axes.size() && ++at[axis] == axes[axis].size(); ++axis) at[axis] = 0;
  }
}

// How many Specs of one type each_spec has of these cells: with cell_sequence and without where there is a cell
// state; each with two lengths, masks and layouts, and all directions and biases.
template <class Has>
inline std::int64_t specs_of_a_type(Has&& has) {
  std::size_t cells = 0;
  for (const Spec& cell : all_cells()) {
    if (has(cell)) cells += has_cell_state(cell) ? 2 : 1;
  }
  return static_cast<std::int64_t>(cells * 2 * 2 * enumerators<Layout>(0).size() *
                                   enumerators<Direction>(0).size() * enumerators<Bias>(0).size());
}
inline std::int64_t specs_of_a_type() {
  return specs_of_a_type([](const Spec&) { return true; });
}

// What spec.hpp says belongs to which cell, and which types are storage types: written again, from there.
inline bool possible(const Spec& spec) {
  if (spec.dtype == DataType::i32 || spec.dtype == DataType::u8) return false;
  if (spec.cell != Cell::rnn && (spec.activation != RnnActivation::tanh || spec.residual)) return false;
  const bool one_function = spec.cell == Cell::rnn || spec.cell == Cell::min_gru;
  if (one_function && spec.activations[1].function != Activation::standard) return false;
  if (spec.cell != Cell::gru && spec.gru_reset != GruReset::after) return false;
  if (spec.forest && (spec.direction != Direction::forward || spec.variable_lengths || spec.reset_mask))
    return false;
  const bool lstm_only =
      spec.peepholes || spec.coupled_input_forget || spec.cell_sequence || spec.projection_size != 0;
  return spec.cell == Cell::lstm || !lstm_only;
}

// A field that not every engine does yet: how to set it, and the name a user must read.
struct Later {
  const char* name;
  void (*set)(Job&);
  bool on_cpu = false;  // the CPU engine does it
};

inline constexpr Later kLater[] = {
    {"recurrent_dropout", [](Job& job) { job.spec.recurrent_dropout = 0.25; }},
    {"zoneout", [](Job& job) { job.spec.zoneout = 0.25; }},
    {"clip", [](Job& job) { job.spec.clip = 3; }, true},
    {"layer_norm", [](Job& job) { job.spec.layer_norm = true; }},
    {"activations", [](Job& job) { job.spec.activations[1].function = Activation::softsign; }, true},
    {"activations that differ by direction",
     [](Job& job) {
       job.spec.direction = Direction::bidirectional;
       job.spec.reverse_activations.emplace()[0].function = Activation::softsign;
     },
     true},
    {"forest",
     [](Job& job) {
       job.spec.forest = true;
       job.shape.steps = 1;
     },
     true},
    {"checkpoint_interval", [](Job& job) { job.options.checkpoint_interval = 4; }},
    {"truncation_window", [](Job& job) { job.options.truncation_window = 4; }},
    {"f16", [](Job& job) { job.spec.dtype = DataType::f16; }},
};

// Where dropout acts: in training, between layers.
inline void set_dropout(Job& job) {
  job.spec.dropout = 0.25;
  job.spec.layers = 2;
  job.options.pass = Pass::training;
}

inline DeviceProps absent_gpu() {
  DeviceProps props = props_of(kChips[0]);
  props.name = "described GPU";
  return props;
}

inline std::string unsupported(const Job& job) {
  try {
    make_plan(job.spec, job.shape, Device::from_props(job.device), job.options);
  } catch (const Unsupported& error) {
    return error.what();
  }
  return "planned";
}

inline Job with_device(const DeviceProps& device) {
  Job job = small_job();
  job.device = device;
  return job;
}

inline Job with_sizes(std::int64_t input_size, std::int64_t hidden_size) {
  Job job = small_job();
  job.spec.cell = Cell::rnn;  // the fewest gates, so that nothing overflows first
  job.spec.input_size = input_size;
  job.spec.hidden_size = hidden_size;
  job.shape = {1, 1};
  return job;
}

// Whether the cell has R, as types.hpp has it.
inline bool has_R(const Spec& spec) { return spec.cell != Cell::min_gru; }

// The widest row is 4 sums of a unit (I may be a quarter of 2^31 - 1) and an input of both directions'
// outputs (H half of that).
inline constexpr std::int64_t kMostInputs = 0x7fffffff / 4;
inline constexpr std::int64_t kMostUnits = kMostInputs / 2;

// Every Spec as a job of `job_for` is planned where it is possible and `implemented`. The number of those.
template <class JobFor, class Implemented>
std::int64_t expect_of_each_spec(JobFor&& job_for, Implemented&& implemented) {
  std::int64_t planned = 0;
  each_spec([&](const Spec& spec) {
    Job job = job_for(spec);
    // One pass for most Specs, so that this stays quick; the sum of flags picks it.
    job.options.pass = spec.variable_lengths != spec.reset_mask ? Pass::training : Pass::inference;
    const Outcome expected = !possible(spec)     ? Outcome::impossible
                             : implemented(spec) ? Outcome::planned
                                                 : Outcome::refused;
    const Outcome outcome = examine(job);
    EXPECT_EQ(outcome, expected) << spec_name(spec) << " " << name_of(spec.dtype);
    planned += outcome == Outcome::planned ? 1 : 0;
  });
  return planned;
}

// Every row of an engine of this build must have been given as a reason.
inline void expect_reached(EngineId engine, const std::set<const Refusal*>& hit) {
  if (!in_build(engine)) return;
  for (const Refusal& row : host::refusals()) {
    // Those of machines have tests of their own.
    if (row.engine != engine || row.ground == host::Ground::machine) continue;
    EXPECT_EQ(hit.count(&row), 1u) << name_of(row.engine) << ": " << row.reason;
  }
}

}  // namespace recur::test
