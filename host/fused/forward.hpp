// Steps of forward by the fused step kernel: a launch for each phase of each.
#pragma once

#include "host/gpu_pass/run.hpp"

namespace recur::host::fused {

// Of one or both directions of a layer, all on the stream of slot 0.
void run_forward_chunks(const gpu_pass::ForwardRun& run, std::span<const gpu_pass::ForwardChunk> chunks);

}  // namespace recur::host::fused
