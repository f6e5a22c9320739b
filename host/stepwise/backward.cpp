#include "host/stepwise/backward.hpp"

#include "host/stepwise/in_turn.hpp"
#include "host/stepwise/kernels.hpp"

namespace recur::host::stepwise {
namespace {

using gpu_pass::advance;
using gpu_pass::at;
using gpu_pass::BackwardChunk;
using gpu_pass::BackwardRun;
using gpu_pass::BackwardTrack;
using gpu_pass::constant;
using gpu_pass::Geometry;

// The gradient of what is projected at this step.
void multiply_projection(const BackwardRun& run, BackwardTrack& track) {
  const Geometry& g = run.g;
  recur::gpu_pass::CollectGradient& collect = track.collect;
  collect.step.t = track.step.step.t;
  kernels_of(g.type).collect_gradient(collect, run.slots.stream(track.slot));
  run.products.run({.M = run.sizes.batch,
                    .N = g.hidden,
                    .K = g.projection,
                    .left = {at(constant(collect.whole), g.type, collect.step.t, 0), g.type,
                             run.sizes.batch == 1 ? g.projection : collect.whole.batch},
                    .right = {track.weights.projection, g.type, track.weights.projection_row},
                    .result = {track.step.dh, g.sums, g.hidden},
                    .tf32 = g.tf32,
                    .scratch_bytes = g.scratch_bytes},
                   run.buffers.slots[track.slot].scratch, run.slots.stream(track.slot));
}

// result (+)= dgates of `count` blocks from `block` on, times their rows of R.
void multiply(const BackwardRun& run, const BackwardTrack& track, std::int64_t block, std::int64_t count,
              void* result, bool accumulate) {
  const Geometry& g = run.g;
  const void* dgates = at(constant(track.step.dgates), g.type, track.step.step.t, 0);
  run.products.run({.M = run.sizes.batch,
                    .N = g.h_size(),
                    .K = count * g.hidden,
                    .left = {advance(dgates, g.type, block * g.hidden), g.type,
                             run.sizes.batch == 1 ? g.sum_columns() : track.step.dgates.batch},
                    .right = {advance(track.R, g.type, block * g.hidden * track.R_row), g.type, track.R_row},
                    .result = {result, g.sums, g.h_size()},
                    .accumulate = accumulate,
                    .tf32 = g.tf32,
                    .scratch_bytes = g.scratch_bytes},
                   run.buffers.slots[track.slot].scratch, run.slots.stream(track.slot));
}

void run_step(const BackwardRun& run, BackwardTrack& track) {
  const Geometry& g = run.g;
  const auto run_gates = [&](int phase) {
    kernels_of(g.type).backward_step(g.variant, phase, track.step, run.slots.stream(track.slot));
  };
  if (g.projected()) multiply_projection(run, track);
  run_gates(0);
  if (g.traits.phases == 1) {
    if (g.traits.recurrent) multiply(run, track, 0, g.traits.gates, track.dh, true);
    return;
  }
  const int second = g.traits.phase_gate[1];
  multiply(run, track, second, g.traits.gates - second, run.buffers.slots[track.slot].d_exchange, false);
  run_gates(1);
  multiply(run, track, 0, second, track.dh, true);
}

}  // namespace

void run_backward_chunks(const BackwardRun& run, std::span<const BackwardChunk> chunks) {
  in_turn(run.chunks, chunks, [&](const BackwardChunk& chunk, std::int64_t i) {
    BackwardTrack& track = *chunk.track;
    const std::int64_t last = run.chunks.size(chunk.index) - 1;
    track.step.step.t = run.chunks.step(chunk.index, last - i, track.reverse());
    run_step(run, track);
  });
}

}  // namespace recur::host::stepwise
