// The committed table of refusals: what each engine may decline, and the reason a user reads. An engine
// accepts everything that the table does not name; a refusal of anything else is a defect, and the tests look
// for it. A reference may also pass on what its library says, which only the library knows.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "host/engine.hpp"

namespace recur::host {

// A property of a job that an engine may lack.
enum class Feature : std::uint8_t {
  device_other_than_cpu,
  device_other_than_cuda,
  simd_not_built,
  simd_not_the_machines,
  before_turing,
  dtype_f16,
  dtype_f32,
  dtype_f64,
  bf16_before_ampere,
  before_hopper,
  batch_invariance,
  coupled_input_forget,
  variable_lengths,
  reset_mask,
  cell_sequence,
  projection,
  full_projection,
  dropout,
  recurrent_dropout,
  zoneout,
  clip,
  layer_norm,
  activations,
  activations_by_direction,
  checkpointing,
  truncation,
  batch_beyond_lists,
  size_beyond_products,
  weights_beyond_the_chip,
  steps_beyond_a_launch,
  gru_reset_before,
  peepholes,
  residual,
  reverse,
  device_described,
  cudnn_type,
  cudnn_lengths,
  cudnn_projection,
  cudnn_dropout,
  size_beyond_cudnn,
  onednn_projection,
  onednn_not_loaded,
  onednn_without_implementation,
};

struct Refusal {
  EngineId engine;
  Feature feature;
  std::string_view reason;
};

std::span<const Refusal> refusals();

// Whether the engine runs on devices of the job's kind.
bool is_for_device(EngineId engine, const Job& job);

// Whether the job needs the feature.
bool needs(const Job& job, Feature feature);

// The reason of the first row of this engine whose feature the job needs.
std::optional<std::string> refusal_of(EngineId engine, const Job& job);

}  // namespace recur::host
