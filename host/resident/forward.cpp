#include "host/resident/forward.hpp"

#include "host/resident/kernels.hpp"
#include "host/resident/steps.hpp"

namespace recur::host::resident {

void run_forward_chunks(const gpu_pass::ForwardRun& run, std::span<const gpu_pass::ForwardChunk> chunks) {
  const std::int64_t count = run.chunks.size(chunks.front().index);
  recur::resident::Forward steps;
  steps.directions = static_cast<int>(chunks.size());
  steps.steps = static_cast<int>(count);
  recur::resident::Track* to = steps.tracks;
  for (const gpu_pass::ForwardChunk& chunk : chunks) {
    run.go_to(chunk, 0, count);
    const gpu_pass::ForwardTrack& track = *chunk.track;
    *to++ = {track.step, track.weights.R, track.weights.R_row, {}, {}};
  }
  const Choice& choice = static_cast<const ResidentSteps&>(run.plan).choice();
  forward_of(run.g.type, run.g.variant)(
      steps, {choice.tile, choice.cluster, choice.batch_tiles, run.slots.stream(0)});
}

}  // namespace recur::host::resident
