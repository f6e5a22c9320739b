// What the pass of GPU engines derives from a job once: sizes, types, and how time is cut into chunks.
#pragma once

#include <algorithm>

#include "host/engine.hpp"
#include "host/gpu/device_resources.hpp"
#include "kernels/device/dropout.cuh"
#include "kernels/gpu_pass/launch.hpp"

namespace recur::host::gpu_pass {

using recur::gpu_pass::ConstRows;
using recur::gpu_pass::Rows;
using recur::schedule::Chunks;
using recur::schedule::Timeline;

struct Geometry {
  cells::Variant variant;
  cells::Traits traits;
  DataType type;  // T: storage
  DataType sums;  // A: products, sums and c
  bool tf32;
  std::int64_t input_size;  // I
  std::int64_t hidden;      // H
  std::int64_t projection;  // P; 0: none
  std::int64_t layers;      // L
  std::int64_t directions;  // D
  bool reverse_only;
  Bias bias;
  Layout layout;

  int forward_lanes;   // streams used at most
  int backward_lanes;  // likewise
  // Rows (t, b) of the buffers that hold a chunk of time; at least the planned B.
  std::int64_t chunk_rows;
  // Bytes that the products of a lane have for partial sums.
  std::int64_t scratch_bytes;

  // Empty where nothing is dropped: in inference, and in one layer.
  std::optional<device::DropoutRate> dropout = {};

  // Whether forward runs layers one after the other on the caller's stream, in chunks as long as buffers hold.
  bool layer_by_layer = false;

  std::int64_t gate_columns() const { return traits.gates * hidden; }
  std::int64_t sum_columns() const { return traits.sums * hidden; }
  std::int64_t saved_columns() const { return traits.saved * hidden; }
  bool projected() const { return projection > 0; }
  std::int64_t h_size() const { return projected() ? projection : hidden; }
  std::int64_t outputs() const { return directions * h_size(); }
  std::int64_t columns(std::int64_t layer) const { return layer == 0 ? input_size : outputs(); }
  std::int64_t widest_columns() const { return layers > 1 ? std::max(input_size, outputs()) : input_size; }
  bool reverse(std::int64_t direction) const { return reverse_only || direction == 1; }
  bool narrow() const { return type != sums; }
  // Whether a layer reads less than the one below gave.
  bool drops_below(std::int64_t layer) const { return dropout.has_value() && layer > 0; }
  // Columns of the rows of inputs that are copied to be read.
  std::int64_t gathered_columns() const { return dropout ? widest_columns() : input_size; }

  // How the time loop is cut up: input products and layers of a stack run chunk after chunk.
  std::int64_t chunk_steps(const RunSizes& sizes) const;
  // The same of forward.
  std::int64_t forward_chunk_steps(const RunSizes& sizes) const {
    return layer_by_layer ? whole_chunk_steps(sizes) : chunk_steps(sizes);
  }

 private:
  // As many steps as chunk_rows hold.
  std::int64_t whole_chunk_steps(const RunSizes& sizes) const {
    return std::clamp<std::int64_t>(chunk_rows / sizes.batch, 1, sizes.steps);
  }
};

Geometry geometry_of(const Job& job);

// Text for Plan::tile(): types, and the input products of a run of the planned sizes; and dropout, if any.
std::string describe_products(const Geometry& g, const RunSizes& sizes);
std::string describe_dropout(const Geometry& g);

}  // namespace recur::host::gpu_pass
