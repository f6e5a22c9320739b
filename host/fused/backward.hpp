// Steps of backward by the fused step kernel: a launch for each phase of each, and a product after the last.
#pragma once

#include "host/gpu_pass/run.hpp"

namespace recur::host::fused {

// Of one or both directions of a layer, all on the stream of slot 0.
void run_backward_chunks(const gpu_pass::BackwardRun& run, std::span<const gpu_pass::BackwardChunk> chunks);

}  // namespace recur::host::fused
