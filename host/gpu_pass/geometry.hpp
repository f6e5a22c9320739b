// What the pass of GPU engines derives from a job once: sizes, types, and how time is cut into chunks.
#pragma once

#include <algorithm>

#include "host/gpu/device_resources.hpp"
#include "host/layers/stack.hpp"
#include "kernels/gpu_pass/launch.hpp"

namespace recur::host::gpu_pass {

using recur::gpu_pass::ConstRows;
using recur::gpu_pass::Rows;
using recur::schedule::Chunks;
using recur::schedule::Timeline;

struct Geometry : layers::StackSizes {
  bool tf32 = false;

  int forward_slots = 1;   // streams used at most
  int backward_slots = 1;  // likewise
  // Rows (t, b) of the buffers that hold a chunk of time; at least the planned B.
  std::int64_t chunk_rows = 0;
  // Bytes that the products of a slot have for partial sums.
  std::int64_t scratch_bytes = 0;

  // Whether forward runs layers one after the other on the caller's stream, in chunks as long as buffers hold.
  bool layer_by_layer = false;
  // The same of backward.
  bool backward_layer_by_layer = false;
  // Whether the steps of backward want a buffer for R, transposed.
  bool transposes_R = false;

  // Whether sums are rounded to be stored.
  bool narrow() const { return type != sums; }
  // Columns of the rows of inputs that are copied to be read.
  std::int64_t gathered_columns() const { return dropout ? widest_columns() : input_size; }

  // How the time loop is cut up: input products and layers of a stack run chunk after chunk.
  std::int64_t chunk_steps(const RunSizes& sizes) const;
  // The same of forward.
  std::int64_t forward_chunk_steps(const RunSizes& sizes) const {
    return layer_by_layer ? whole_chunk_steps(sizes) : chunk_steps(sizes);
  }
  std::int64_t backward_chunk_steps(const RunSizes& sizes) const {
    return backward_layer_by_layer ? whole_chunk_steps(sizes) : chunk_steps(sizes);
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
