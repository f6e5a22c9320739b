#include "host/fused/forward.hpp"

#include "host/fused/steps.hpp"
#include "kernels/fused/launch.hpp"

namespace recur::host::fused {
namespace {

void launch(const FusedSteps& plan, const recur::fused::Forward& step, void* stream) {
  switch (plan.operands()) {
    case Operands::f32: return recur::fused::forward<Operands::f32>(step, plan.is_dependent(), stream);
    case Operands::tf32: return recur::fused::forward<Operands::tf32>(step, plan.is_dependent(), stream);
    case Operands::bf16: return recur::fused::forward<Operands::bf16>(step, plan.is_dependent(), stream);
    case Operands::f16: return recur::fused::forward<Operands::f16>(step, plan.is_dependent(), stream);
  }
}

}  // namespace

void run_forward_chunks(const gpu_pass::ForwardRun& run, std::span<const gpu_pass::ForwardChunk> chunks) {
  const auto& plan = static_cast<const FusedSteps&>(run.plan);
  const std::int64_t index = chunks.front().index;
  // All chunks but the last are of one size.
  const std::int64_t visited = index * run.chunks.size(0);
  recur::fused::Forward step;
  step.variant = run.g.variant;
  step.directions = static_cast<int>(chunks.size());
  for (std::int64_t i = 0; i < run.chunks.size(index); ++i) {
    recur::fused::Track* to = step.tracks;
    for (const gpu_pass::ForwardChunk& chunk : chunks) {
      run.go_to(chunk, i, 1);
      const gpu_pass::ForwardTrack& track = *chunk.track;
      // h goes to and fro between its own place and that of the products with R, which stay in the kernel. Nobody
      // but the next step asks for it: the pass has hN, and y.
      void* const other = run.buffers.slots[track.slot].recurrent;
      const bool is_back = (visited + i) % 2 == 0;
      *to++ = {track.step, track.weights.R, track.weights.R_row, is_back ? track.h : other,
               is_back ? other : track.h};
    }
    for (step.phase = 0; step.phase < run.g.traits.phases; ++step.phase)
      launch(plan, step, run.slots.stream(0));
  }
}

}  // namespace recur::host::fused
