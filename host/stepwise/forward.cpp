#include "host/stepwise/forward.hpp"

#include "host/stepwise/in_turn.hpp"
#include "host/stepwise/kernels.hpp"

namespace recur::host::stepwise {
namespace {

using gpu_pass::advance;
using gpu_pass::at;
using gpu_pass::constant;
using gpu_pass::ForwardChunk;
using gpu_pass::ForwardRun;
using gpu_pass::ForwardTrack;
using gpu_pass::Geometry;

// The recurrent sums of the gates of a phase.
void multiply_state(const ForwardRun& run, const ForwardTrack& track, int phase) {
  const Geometry& g = run.g;
  const gpu_pass::ForwardBuffers::Slot& buffers = run.buffers.slots[track.slot];
  const std::int64_t first = g.traits.phase_gate[phase] * g.hidden;
  const void* state = phase == 0 ? track.h : track.step.exchange;
  run.products.run({.M = run.sizes.batch,
                    .N = g.traits.gates_of_phase(phase) * g.hidden,
                    .K = g.h_size(),
                    .left = {state, g.type, g.h_size()},
                    .right = {advance(track.weights.R, g.type, first * track.weights.R_row), g.type,
                              track.weights.R_row, 0, true},
                    .result = {advance(buffers.recurrent, g.sums, first), g.sums, g.gate_columns()},
                    .tf32 = g.tf32,
                    .scratch_bytes = g.scratch_bytes},
                   buffers.scratch, run.slots.stream(track.slot));
}

// h of a step from what the gate kernel left.
void project(const ForwardRun& run, ForwardTrack& track) {
  const Geometry& g = run.g;
  const gpu_pass::ForwardBuffers::Slot& buffers = run.buffers.slots[track.slot];
  const gpu_pass::Rows& m = track.step.y;
  recur::gpu_pass::StoreProjection& projection = track.projection;
  projection.step.t = track.step.step.t;
  run.products.run({.M = run.sizes.batch,
                    .N = g.projection,
                    .K = g.hidden,
                    .left = {at(constant(m), g.type, projection.step.t, 0), g.type,
                             run.sizes.batch == 1 ? g.hidden : m.batch},
                    .right = {track.weights.projection, g.type, track.weights.projection_row, 0, true},
                    .result = {buffers.projected, g.sums, g.projection},
                    .tf32 = g.tf32,
                    .scratch_bytes = g.scratch_bytes},
                   buffers.scratch, run.slots.stream(track.slot));
  kernels_of(g.type).store_projection(projection, run.slots.stream(track.slot));
}

}  // namespace

void run_forward_chunks(const ForwardRun& run, std::span<const ForwardChunk> chunks) {
  const Geometry& g = run.g;
  const KernelTable& kernels = kernels_of(g.type);
  in_turn(run.chunks, chunks, [&](const ForwardChunk& chunk, std::int64_t i) {
    ForwardTrack& track = *chunk.track;
    run.go_to(chunk, i, 1);
    for (int phase = 0; phase < g.traits.phases; ++phase) {
      if (g.traits.recurrent) multiply_state(run, track, phase);
      kernels.forward_step(g.variant, phase, track.step, run.slots.stream(track.slot));
    }
    if (g.projected()) project(run, track);
  });
}

}  // namespace recur::host::stepwise
