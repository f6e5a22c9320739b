#include <algorithm>

#include "perf/floors/hops.cuh"

namespace recur::perf {

using device::LaunchConfig;

void launch_block_hops(unsigned* values, int steps, unsigned blocks, void* stream) {
  RECUR_LAUNCH(block_hops, (LaunchConfig{.grid = blocks, .block = kHopThreads, .stream = stream}), values,
               steps);
}

void launch_cluster_hops(unsigned* values, int steps, unsigned cluster, unsigned clusters, void* stream) {
  const LaunchConfig config{
      .grid = cluster * clusters, .block = kHopThreads, .cluster = cluster, .stream = stream};
  RECUR_LAUNCH(cluster_hops, config, values, steps);
}

std::size_t push_bytes(unsigned words, unsigned cluster) { return sizeof(uint4) * words * 2 * cluster; }

unsigned push_groups(unsigned words, unsigned cluster) {
  return std::min(cluster - 1, kMostPushThreads / words);
}

void launch_pushes(unsigned* values, int steps, unsigned words, unsigned cluster, unsigned clusters,
                   void* stream) {
  const unsigned groups = push_groups(words, cluster);
  constexpr unsigned kWarp = 32;
  const LaunchConfig config{.grid = cluster * clusters,
                            .block = (groups * words + kWarp - 1) / kWarp * kWarp,
                            .shared_bytes = push_bytes(words, cluster),
                            .cluster = cluster,
                            .stream = stream};
  RECUR_LAUNCH(pushes, config, values, steps, words, groups);
}

void launch_flag_hops(unsigned* values, unsigned* data, unsigned* flags, int steps, unsigned blocks,
                      void* stream) {
  const LaunchConfig config{.grid = blocks, .block = kHopThreads, .cooperative = true, .stream = stream};
  RECUR_LAUNCH(flag_hops, config, values, data, flags, steps);
}

void launch_grid_hops(unsigned* values, unsigned* data, int steps, unsigned blocks, void* stream) {
  const LaunchConfig config{.grid = blocks, .block = kHopThreads, .cooperative = true, .stream = stream};
  RECUR_LAUNCH(grid_hops, config, values, data, steps);
}

void launch_copies(const void* from, void* to, std::size_t bytes, int times, unsigned blocks, void* stream) {
  constexpr unsigned kThreads = 512;
  RECUR_LAUNCH(copies, (LaunchConfig{.grid = blocks, .block = kThreads, .stream = stream}),
               static_cast<const uint4*>(from), static_cast<uint4*>(to), bytes / sizeof(uint4), times);
}

void launch_nothing(void* stream) { RECUR_LAUNCH(nothing, (LaunchConfig{.block = 32, .stream = stream}), 0); }

}  // namespace recur::perf
