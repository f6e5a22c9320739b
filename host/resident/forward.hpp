// Steps of forward by the resident kernel: those of a chunk in one launch.
#pragma once

#include "host/gpu_pass/run.hpp"

namespace recur::host::resident {

// Of one or both directions of a layer, all on the stream of slot 0.
void run_forward_chunks(const gpu_pass::ForwardRun& run, std::span<const gpu_pass::ForwardChunk> chunks);

}  // namespace recur::host::resident
