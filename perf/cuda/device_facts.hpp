// What only code that nvcc compiles can ask a GPU.
#pragma once

#include <cstddef>
#include <cstdint>

namespace recur::perf {

// Clusters of this size that the device holds at once when each block takes `shared_bytes` of shared memory;
// 0 where it has no such clusters.
int active_clusters(unsigned cluster, std::size_t shared_bytes);

// Keeps one thread busy for so many cycles of the multiprocessors' clock.
void launch_cycles(std::int64_t cycles, void* stream);

}  // namespace recur::perf
