/// @file
/// What a job can ask for beyond its cell and type, one row of docs/support.md each: every field of Spec and
/// Options, and what a call may vary. A new field is a new row here (SupportRows.SetEveryField); new cells, types
/// and functions come from their enumerations.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engines/engine_run.hpp"
#include "engines/enumerators.hpp"
#include "support/functions.hpp"

namespace recur::test {

/// A job as a row changes it.
struct SupportJob {
  Spec spec;
  Index T, B;
  TestDevice device;
  RunOptions run = {};  ///< `device` is set when it is run
};

struct SupportRow {
  std::string name;
  std::function<void(SupportJob&)> set;
  std::optional<EngineId> only = {};  ///< the engine that the row is about
};

inline std::vector<SupportRow> support_rows() {
  std::vector<SupportRow> rows = {
      {"reverse", [](SupportJob& job) { job.spec.direction = Direction::reverse; }},
      {"bidirectional", [](SupportJob& job) { job.spec.direction = Direction::bidirectional; }},
      {"stacked layers", [](SupportJob& job) { job.spec.layers = 3; }},
      {"no bias", [](SupportJob& job) { job.spec.bias = Bias::none; }},
      {"a single bias", [](SupportJob& job) { job.spec.bias = Bias::single; }},
      {"projection to one element", [](SupportJob& job) { job.spec.projection_size = 1; }},
      {"projection to H elements", [](SupportJob& job) { job.spec.projection_size = job.spec.hidden_size; }},
      {"batch-major", [](SupportJob& job) { job.run.layout = Layout::batch_major; }},
      {"rows with gaps between them", [](SupportJob& job) { job.run.row_gap = 3; }},
      {"tensors aligned to their elements only", [](SupportJob& job) { job.run.offset = 1; }},
      {"T and B below the plan's", [](SupportJob& job) { job.run.spare_steps = job.run.spare_batch = 2; }},
      {"`h0`, `c0` not given", [](SupportJob& job) { job.run.states = false; }},
      {"`dhN`, `dcN` not given", [](SupportJob& job) { job.run.final_gradients = false; }},
      {"`variable_lengths`", [](SupportJob& job) { job.spec.variable_lengths = true; }},
      {"`variable_lengths`, a length of 0",
       [](SupportJob& job) { job.spec.variable_lengths = job.device.empty_sequences = true; }},
      {"`reset_mask`", [](SupportJob& job) { job.spec.reset_mask = true; }},
      {"`forest`", [](SupportJob& job) { job.spec.forest = true; }},
      {"`cell_sequence`", [](SupportJob& job) { job.spec.cell_sequence = true; }},
      {"`dropout`",
       [](SupportJob& job) {
         job.spec.dropout = 0.25;
         job.spec.layers = 2;
       }},
      {"`recurrent_dropout`", [](SupportJob& job) { job.spec.recurrent_dropout = 0.25; }},
      {"`zoneout`", [](SupportJob& job) { job.spec.zoneout = 0.25; }},
      {"`clip`", [](SupportJob& job) { job.spec.clip = 0.75; }},
      {"`layer_norm`", [](SupportJob& job) { job.spec.layer_norm = true; }},
  };
  for (const Activation function : enumerators<Activation>(1)) {
    rows.push_back({"`activations` " + std::string(name_of(function)), [function](SupportJob& job) {
                      for (int gate = 0; gate < places_of(job.spec.cell); ++gate)
                        job.spec.activations[static_cast<std::size_t>(gate)] = gate_of(function);
                      // For data that suits it: `activation` itself is not read then.
                      if (job.spec.cell == Cell::rnn && function == Activation::relu)
                        job.spec.activation = RnnActivation::relu;
                    }});
  }
  rows.push_back({"`reverse_activations`", [](SupportJob& job) {
                    job.spec.direction = Direction::bidirectional;
                    job.spec.reverse_activations.emplace()[0] = gate_of(Activation::scaled_tanh);
                  }});
  rows.push_back({"gradients accumulated", [](SupportJob& job) { job.run.mode = GradientMode::accumulate; }});
  rows.push_back({"`checkpoint_interval`", [](SupportJob& job) { job.run.checkpoint_interval = 2; }});
  rows.push_back({"`truncation_window`", [](SupportJob& job) { job.run.truncation_window = 2; }});
  rows.push_back({"`batch_invariant`", [](SupportJob& job) { job.run.batch_invariant = true; }});
  rows.push_back({"`tf32`", [](SupportJob& job) { job.run.tf32 = true; }});
  rows.push_back({"`threads`", [](SupportJob& job) {
                    job.run.threads = 2;
                    job.T = job.B = 8;  // the CPU engine shares nothing smaller out
                    job.spec.hidden_size = 257;
                  }});
  for (const CudnnAlgorithm algorithm : enumerators<CudnnAlgorithm>(0)) {
    rows.push_back({"`cudnn_algorithm` " + std::string(name_of(algorithm)),
                    [algorithm](SupportJob& job) { job.device.cudnn_algorithm = algorithm; },
                    EngineId::cudnn});
  }
  return rows;
}

}  // namespace recur::test
