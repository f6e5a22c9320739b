// The seam between the pass of GPU engines and its steppers (stepper.hpp), the side that runs: what a stepper is
// given, and the one function of it that the pass calls in each direction.
#pragma once

#include <span>

#include "host/gpu_pass/buffers.hpp"
#include "host/gpu_pass/stepper.hpp"
#include "host/gpu_pass/stream_slots.hpp"

namespace recur::host::gpu_pass {

// One direction of one layer in forward, and what stays the same over its steps.
struct ForwardTrack {
  std::int64_t layer = 0;
  int slot = 0;
  DirectionWeights weights;    // without biases where they came combined
  const void* bias = nullptr;  // A [G*H], combined
  ConstRows x;
  ConstRows h0, c0;
  Rows hN, cN;
  void* h = nullptr;  // E [B][P], in place
  recur::gpu_pass::ForwardStep step;
  recur::gpu_pass::StoreProjection projection;  // where h is projected

  bool reverse() const { return step.step.timeline.reverse; }
};

// A chunk of time of a track.
template <class Track>
struct ChunkOf {
  Track* track;
  std::int64_t index;  // of Chunks
};
using ForwardChunk = ChunkOf<ForwardTrack>;

// What lasts for a call.
struct ForwardRun {
  const Geometry& g;
  const ForwardSteps& plan;
  gpu::Products& products;
  const RunSizes& sizes;
  const Chunks& chunks;
  const ForwardBuffers& buffers;
  const StreamSlots& slots;

  // Points the arguments of a track's kernels to the i-th step visited of a chunk, whose input products the slot
  // has. They get the places of the final state where `count` steps from there on are the last ones visited.
  void go_to(const ForwardChunk& chunk, std::int64_t i, std::int64_t count) const {
    ForwardTrack& track = *chunk.track;
    recur::gpu_pass::ForwardStep& step = track.step;
    step.step.t = chunks.step(chunk.index, i, track.reverse());
    step.input_t = step.step.t - chunks.first(chunk.index, track.reverse());
    const RowLayout input = dense_layout({chunks.size(chunk.index), sizes.batch}, g.layout, g.gate_columns());
    step.input = {buffers.slots[track.slot].input, input.step, input.batch};
    const bool last = chunk.index + 1 == chunks.count() && i + count == chunks.size(chunk.index);
    (g.projected() ? track.projection.hN : step.hN) = last ? track.hN : Rows{};
    step.cN = last ? track.cN : Rows{};
  }
};

// Puts all steps of the chunks on their slots' streams: chunks of tracks that do not depend on each other, whose
// input products are there. The stepper's next chunk goes on from the h and c that it left, in place or wherever it
// keeps them.
using RunForwardChunks = void (*)(const ForwardRun& run, std::span<const ForwardChunk> chunks);
RunForwardChunks forward_of(Stepper stepper);

// One direction of one layer in backward, and what stays the same over its steps.
struct BackwardTrack {
  std::int64_t layer = 0;
  std::int64_t direction = 0;
  int slot = 0;
  DirectionWeights weights;
  // R with its rows in the order of the blocks of dgates; not where the stepper has it transposed.
  const void* R = nullptr;
  std::int64_t R_row = 0;
  ConstRows x;
  void* dh = nullptr;  // A [B][P], in place
  recur::gpu_pass::BackwardStep step;
  recur::gpu_pass::CollectGradient collect;  // where h is projected

  bool reverse() const { return step.step.timeline.reverse; }
};
using BackwardChunk = ChunkOf<BackwardTrack>;

struct BackwardRun {
  const Geometry& g;
  const BackwardSteps& plan;
  gpu::Products& products;
  const RunSizes& sizes;
  const Chunks& chunks;
  const BackwardBuffers& buffers;
  const StreamSlots& slots;
};

// As RunForwardChunks, from the last step visited to the first. After the last chunk dh and dc are the gradients of the
// state that the call began with.
using RunBackwardChunks = void (*)(const BackwardRun& run, std::span<const BackwardChunk> chunks);
RunBackwardChunks backward_of(Stepper stepper);

}  // namespace recur::host::gpu_pass
