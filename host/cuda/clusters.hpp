#pragma once

#include <cstddef>

namespace recur::host::gpu {

// Clusters of so many blocks that the current device holds at once when each block takes `shared_bytes` of
// shared memory; 0 where it has no such clusters.
int active_clusters(int blocks, std::size_t shared_bytes);

}  // namespace recur::host::gpu
