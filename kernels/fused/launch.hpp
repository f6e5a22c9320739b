// The fused step kernels as plain functions: what the host sees of them. As kernels/gpu_pass/launch.hpp, whose
// arguments it takes: device pointers, strides in elements, asynchronous on a stream.
#pragma once

#include "kernels/fused/tile.hpp"
#include "kernels/gpu_pass/launch.hpp"

namespace recur::fused {

// One direction of one layer at a step.
struct Track {
  // Not read: recurrent, and h where it is the same as `h` below. `gates` and `exchange` by cells of two phases.
  gpu_pass::ForwardStep step;
  const void* R = nullptr;  // E [G*H][H]
  std::int64_t R_row = 0;
  const void* h = nullptr;  // E [B][H]: the state before the step
  void* next = nullptr;     // E [B][H]: the state after it, written by the last phase; other memory than h
};

// A phase of a step, of one direction or both.
struct Forward {
  cells::Variant variant = {};
  int phase = 0;
  int directions = 1;
  Track tracks[2];
};

// One direction of one layer at a step of backward.
struct BackwardTrack {
  // `d_exchange` is not read. dgates of the step visited before are read, and those of this one written; dh is the part
  // of the carry that does not pass through R, of which the first step of a call finds the whole.
  gpu_pass::BackwardStep step;
  const void* R = nullptr;  // E [H][G*H], transposed by transpose_R
  std::int64_t R_row = 0;
};

// A phase of a step of backward, of one direction or both.
struct Backward {
  cells::Variant variant = {};
  int phase = 0;
  int directions = 1;
  bool first = false;  // the first step of the call: no dgates lead to its h
  BackwardTrack tracks[2];
};

// to [H][G*H]: column j of R [G*H][H] as row j, gates in the order of the blocks of dgates.
struct TransposeR {
  const void* R = nullptr;  // E
  std::int64_t R_row = 0;
  std::int64_t hidden = 0;
  int gates = 0;
  int split_gate = -1;
  void* to = nullptr;  // E
};

// `dependent`: whether the kernel may start before the one before it on the stream has ended. It then reads R at
// once, and all else when that one has ended. Throws DeviceError where the launch is refused.
template <Operands kOperands>
void forward(const Forward& arguments, bool dependent, void* stream);

// As forward. It reads R, what forward left, and gradients that the layer above or the caller gave at once.
template <Operands kOperands>
void backward(const Backward& arguments, bool dependent, void* stream);

template <Operands kOperands>
void transpose_R(const TransposeR& arguments, void* stream);

}  // namespace recur::fused
