// The sizes of a stack of layers, which every engine's plan and buffers are shaped by.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "host/engine.hpp"
#include "host/hash.hpp"
#include "host/validate_job.hpp"
#include "kernels/device/dropout.cuh"

namespace recur::host::layers {

struct StackSizes {
  cells::Variant variant;
  cells::Traits traits;
  DataType type;  // of what is stored
  DataType sums;  // of products, sums and c
  Bias bias;
  Layout layout;
  Direction direction;
  std::int64_t input_size;  // I
  std::int64_t hidden;      // H
  std::int64_t projection;  // P; 0: none
  std::int64_t layers;      // L
  std::int64_t directions;  // D
  // Empty where nothing is dropped: in inference, and in one layer.
  std::optional<device::DropoutRate> dropout;

  bool projected() const { return projection > 0; }
  std::int64_t h_size() const { return projected() ? projection : hidden; }
  std::int64_t outputs() const { return directions * h_size(); }
  // Whether a direction runs backward in time.
  bool reverse(std::int64_t d) const { return directions == 2 ? d == 1 : direction == Direction::reverse; }
  // Values of a row (t, b): what a layer reads (J), W x, the gradients of all sums, what a cell saves.
  std::int64_t columns(std::int64_t layer) const { return layer == 0 ? input_size : outputs(); }
  std::int64_t widest_columns() const { return layers > 1 ? std::max(input_size, outputs()) : input_size; }
  std::int64_t gate_columns() const { return traits.gates * hidden; }  // G*H, the rows of W
  // The rows of R; 0 where no gate reads the state.
  std::int64_t recurrent_columns() const { return traits.recurrent_gates() * hidden; }
  std::int64_t sum_columns() const { return traits.sums * hidden; }
  std::int64_t saved_columns() const { return traits.saved * hidden; }
  // Whether a layer reads less than the one below gave.
  bool drops_below(std::int64_t layer) const { return dropout.has_value() && layer > 0; }

  // Adds I, H, P and L, by which engines tell prepared weights apart.
  Hash& add_to(Hash& hash) const {
    for (const std::int64_t size : {input_size, hidden, projection, layers}) {
      hash.add(static_cast<std::uint64_t>(size));
    }
    return hash;
  }
};

inline StackSizes stack_of(const Job& job) {
  const Spec& spec = job.spec;
  const cells::Variant variant = variant_of(spec);
  return {.variant = variant,
          .traits = cells::traits_of(variant),
          .type = spec.dtype,
          .sums = spec.dtype == DataType::f64 ? DataType::f64 : DataType::f32,
          .bias = spec.bias,
          .layout = spec.layout,
          .direction = spec.direction,
          .input_size = spec.input_size,
          .hidden = spec.hidden_size,
          .projection = spec.projection_size,
          .layers = spec.layers,
          .directions = directions_of(spec),
          .dropout = drops(job) ? std::optional(device::DropoutRate::of(spec.dropout)) : std::nullopt};
}

}  // namespace recur::host::layers
