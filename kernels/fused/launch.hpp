// The fused step kernel as a plain function: what the host sees of it. As kernels/gpu_pass/launch.hpp, whose
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

// `dependent`: whether the kernel may start before the one before it on the stream has ended. It then reads R at
// once, and all else when that one has ended. Throws DeviceError where the launch is refused.
template <Operands kOperands>
void forward(const Forward& arguments, bool dependent, void* stream);

}  // namespace recur::fused
