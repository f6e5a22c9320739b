// What backward forms after its time loops: large products over all steps, and sums over all rows.
#pragma once

#include "host/gpu_pass/buffers.hpp"
#include "host/gpu_pass/kernels.hpp"

namespace recur::host::gpu_pass {

// One direction of one layer whose time loop is done, as its stream's later work finds it.
struct GradientInputs {
  const Geometry& g;
  const KernelTable& kernels;
  gpu::Products& products;
  RunSizes sizes;
  std::int64_t layer;
  const Timeline& timeline;
  ConstRows x;
  const void* m;  // E [rows][H], what is projected; null where nothing is
  const std::uint64_t*
      dropout_seed;  // where forward left it, for layers that read less than the one below gave
  const BackwardBuffers::Slot& buffers;
  // Where the work goes; not always the slot of the buffers.
  gpu::StreamHandle stream;
  std::byte* scratch;
};

// Writes or adds to the gradients that are given.
void weight_gradients(const GradientInputs& in, const DirectionGradients& out, bool accumulate);

// dx of steps [first, first + steps) from one direction.
void input_gradients(const GradientInputs& in, std::int64_t first, std::int64_t steps, const void* W,
                     std::int64_t W_row, const Rows& dx, bool accumulate);

// Drops from dx of steps [first, first + steps), in place, what the layer did not read.
void drop_gradients(const GradientInputs& in, std::int64_t first, std::int64_t steps, const Rows& dx);

// dx of all steps from both directions. `sums`: for 16-bit types, where their parts are added up before
// rounding.
void input_gradients_of_both(const GradientInputs (&in)[2], const DirectionWeights (&weights)[2],
                             const Rows& dx, void* sums);

}  // namespace recur::host::gpu_pass
