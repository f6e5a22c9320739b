// The resident kernels as plain functions: what the host sees of them. As kernels/gpu_pass/launch.hpp, whose
// arguments they take: device pointers, strides in elements, asynchronous on a stream.
#pragma once

#include "kernels/gpu_pass/launch.hpp"
#include "kernels/resident/tile.hpp"

namespace recur::resident {

// Elements between the rows of one visit and of the next: to the next batch tile of a step, and from the last
// of them to the first of the next step. Set by the launch.
struct Stride {
  std::int64_t next_tile = 0;
  std::int64_t next_step = 0;
};

// One direction of one layer over a run of steps.
struct Track {
  // Of the first step visited: its t and input_t go on from there. Not read: recurrent, exchange, gates. h
  // and c are read before the first step and written after the last; hN and cN, where given, are written then
  // too.
  gpu_pass::ForwardStep step;
  const void* R = nullptr;  // E [G*H][H]
  std::int64_t R_row = 0;
  Stride input;
  Stride y;
};

// Both directions, or one, over `steps` steps of a chunk of time.
struct Forward {
  Track tracks[2];
  int directions = 1;
  int steps = 0;
};

// How many blocks of which shape, for what.
struct Launch {
  int tile = 0;         // of kTiles
  int cluster = 1;      // blocks
  int batch_tiles = 1;  // of each cluster
  void* stream = nullptr;
};

// kType is bf16 or f16. Throws DeviceError where the launch is refused.
template <DataType kType, cells::Variant kVariant>
void forward(const Forward& arguments, const Launch& launch);

}  // namespace recur::resident
