#include "host/fused/backward.hpp"

#include "host/fused/steps.hpp"
#include "kernels/fused/launch.hpp"

namespace recur::host::fused {
namespace {

using gpu_pass::BackwardChunk;
using gpu_pass::BackwardRun;
using gpu_pass::BackwardTrack;
using gpu_pass::Geometry;

void launch(const FusedBackwardSteps& plan, const recur::fused::Backward& step, void* stream) {
  switch (plan.operands()) {
    case Operands::f32: return recur::fused::backward<Operands::f32>(step, plan.is_dependent(), stream);
    case Operands::tf32: return recur::fused::backward<Operands::tf32>(step, plan.is_dependent(), stream);
    case Operands::bf16: return recur::fused::backward<Operands::bf16>(step, plan.is_dependent(), stream);
    case Operands::f16: return recur::fused::backward<Operands::f16>(step, plan.is_dependent(), stream);
  }
}

// Before the first step, which multiplies nothing: a kernel may read R before the one ahead of it has ended.
void transpose(const BackwardRun& run, const FusedBackwardSteps& plan, const BackwardTrack& track) {
  const recur::fused::TransposeR transpose{
      track.weights.R,    track.weights.R_row,     run.g.hidden,
      run.g.traits.gates, run.g.traits.split_gate, run.buffers.slots[track.slot].R};
  auto* const stream = run.slots.stream(0);
  switch (plan.operands()) {
    case Operands::f32: return recur::fused::transpose_R<Operands::f32>(transpose, stream);
    case Operands::tf32: return recur::fused::transpose_R<Operands::tf32>(transpose, stream);
    case Operands::bf16: return recur::fused::transpose_R<Operands::bf16>(transpose, stream);
    case Operands::f16: return recur::fused::transpose_R<Operands::f16>(transpose, stream);
  }
}

// dh += what reaches the state before the last step through R.
void finish(const BackwardRun& run, const BackwardTrack& track) {
  const Geometry& g = run.g;
  const gpu_pass::Rows& dgates = track.step.dgates;
  run.products.run({.M = run.sizes.batch,
                    .N = g.hidden,
                    .K = g.traits.phase_gate[1] * g.hidden,
                    .left = {gpu_pass::at(gpu_pass::constant(dgates), g.type, track.step.step.t, 0), g.type,
                             run.sizes.batch == 1 ? g.sum_columns() : dgates.batch},
                    .right = {run.buffers.slots[track.slot].R, g.type, g.gate_columns(), 0, true},
                    .result = {track.dh, g.sums, g.hidden},
                    .accumulate = true,
                    .tf32 = g.tf32,
                    .scratch_bytes = g.scratch_bytes},
                   run.buffers.slots[track.slot].scratch, run.slots.stream(0));
}

}  // namespace

void run_backward_chunks(const BackwardRun& run, std::span<const BackwardChunk> chunks) {
  const auto& plan = static_cast<const FusedBackwardSteps&>(run.plan);
  const std::int64_t index = chunks.front().index;
  const bool is_first = index + 1 == run.chunks.count(), is_last = index == 0;
  if (is_first) {
    for (const BackwardChunk& chunk : chunks) transpose(run, plan, *chunk.track);
  }
  recur::fused::Backward step;
  step.variant = run.g.variant;
  step.directions = static_cast<int>(chunks.size());
  const std::int64_t last = run.chunks.size(index) - 1;
  for (std::int64_t i = 0; i <= last; ++i) {
    recur::fused::BackwardTrack* to = step.tracks;
    for (const BackwardChunk& chunk : chunks) {
      BackwardTrack& track = *chunk.track;
      track.step.step.t = run.chunks.step(index, last - i, track.reverse());
      *to++ = {track.step, run.buffers.slots[track.slot].R, run.g.gate_columns()};
    }
    step.first = is_first && i == 0;
    for (step.phase = 0; step.phase < run.g.traits.phases; ++step.phase)
      launch(plan, step, run.slots.stream(0));
  }
  if (!is_last) return;
  for (const BackwardChunk& chunk : chunks) finish(run, *chunk.track);
}

}  // namespace recur::host::fused
