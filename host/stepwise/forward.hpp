// Steps of forward one by one: products with R by a library, and the kernels of stepwise/kernels.hpp.
#pragma once

#include "host/gpu_pass/run.hpp"

namespace recur::host::stepwise {

// Each on the stream of its slot, step by step in turn: a stream that gets all its work first would leave the
// others nothing to overlap with.
void run_forward_chunks(const gpu_pass::ForwardRun& run, std::span<const gpu_pass::ForwardChunk> chunks);

}  // namespace recur::host::stepwise
