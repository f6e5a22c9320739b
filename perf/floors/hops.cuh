// Kernels of hops.hpp.
#pragma once

#include "kernels/device/cluster.cuh"
#include "kernels/device/l2_load.cuh"
#include "kernels/device/launch.cuh"
#include "kernels/device/sync.cuh"
#include "perf/floors/hops.hpp"

namespace recur::perf {

// With two buffers one barrier a step is enough: who writes a buffer again has passed the barrier that all
// came to after they had read it.
RECUR_KERNEL(kHopThreads) block_hops(unsigned* values, int steps) {
  RECUR_SHARED(unsigned, shared, [2][kHopThreads]);
  unsigned value = threadIdx.x;
  for (int step = 0; step < steps; ++step) {
    shared[step % 2][threadIdx.x] = value;
    __syncthreads();
    value = shared[step % 2][(threadIdx.x + 1) % kHopThreads] + 1;
  }
  values[blockIdx.x * kHopThreads + threadIdx.x] = value;
}

RECUR_KERNEL(kHopThreads) cluster_hops(unsigned* values, int steps) {
  RECUR_SHARED(unsigned, inbox, [2]);
  const unsigned rank = device::cluster_rank();
  const unsigned next = (rank + 1) % device::cluster_size();
  unsigned value = rank;
  device::cluster_barrier();  // all blocks have started
  for (int step = 0; step < steps; ++step) {
    if (threadIdx.x == 0) *device::map_shared(&inbox[step % 2], next) = value;
    device::cluster_barrier();
    value = inbox[step % 2] + 1;
  }
  if (threadIdx.x == 0) values[blockIdx.x] = value;
  device::cluster_barrier();  // nobody writes to a block that has gone
}

// Two buffers, as above: a block sends into a buffer again after it has got what the others sent in the step
// between, which they did after they had read it. As in a resident kernel a thread has one word of its block, and
// one peer or, of the nearest `groups` peers, every groups-th from its own on. So a step has little work of its own.
RECUR_KERNEL(kMostPushThreads) pushes(unsigned* values, int steps, unsigned words, unsigned groups) {
  RECUR_DYNAMIC_SHARED(uint4, memory);  // inbox [2][senders][words]
  RECUR_SHARED(std::uint64_t, full, [2]);
  const unsigned rank = device::cluster_rank();
  const unsigned size = device::cluster_size();
  const unsigned bytes = (size - 1) * words * static_cast<unsigned>(sizeof(uint4));
  const unsigned word = threadIdx.x % words;
  const unsigned nearest = threadIdx.x < groups * words ? 1 + threadIdx.x / words : size;
  if (threadIdx.x == 0) {
    for (int slot = 0; slot < 2; ++slot) device::mbarrier_init(&full[slot], 1);
    device::mbarrier_init_fence();
    for (int slot = 0; slot < 2; ++slot) device::mbarrier_arrive_relaxed(&full[slot], bytes);
  }
  device::cluster_barrier();
  unsigned value = rank;
  for (int step = 0; step < steps; ++step) {
    const int slot = step % 2;
    uint4* const inbox = memory + static_cast<unsigned>(slot) * size * words + word;
    for (unsigned distance = nearest; distance < size; distance += groups) {
      const unsigned to = rank + distance < size ? rank + distance : rank + distance - size;
      device::store_async(&inbox[rank * words], make_uint4(value, 0, 0, 0), &full[slot], to);
    }
    device::mbarrier_wait<device::MemoryScope::cluster>(&full[slot], static_cast<unsigned>(step / 2 % 2));
    // Two steps from now.
    if (threadIdx.x == 0) device::mbarrier_arrive_relaxed(&full[slot], bytes);
    value = rank;
    for (unsigned distance = nearest; distance < size; distance += groups) {
      const unsigned from = rank < distance ? rank + size - distance : rank - distance;
      value += inbox[from * words].x;
    }
    __syncthreads();
  }
  if (nearest < size) values[blockIdx.x * groups * words + threadIdx.x] = value;
  device::cluster_barrier();
}

RECUR_KERNEL(kHopThreads) flag_hops(unsigned* values, unsigned* data, unsigned* flags, int steps) {
  const unsigned blocks = gridDim.x;
  unsigned value = blockIdx.x;
  for (int step = 0; step < steps; ++step) {
    const unsigned epoch = static_cast<unsigned>(step) + 1;
    unsigned* const slot = data + static_cast<unsigned>(step % 2) * blocks;
    if (threadIdx.x == 0) {
      slot[blockIdx.x] = value;
      device::store_release<device::MemoryScope::device>(&flags[blockIdx.x], epoch);
    }
    for (unsigned other = threadIdx.x; other < blocks; other += kHopThreads) {
      while (device::load_acquire<device::MemoryScope::device>(&flags[other]) < epoch) {
      }
    }
    __syncthreads();
    if (threadIdx.x == 0) value = slot[(blockIdx.x + 1) % blocks] + 1;
  }
  if (threadIdx.x == 0) values[blockIdx.x] = value;
}

RECUR_KERNEL(kHopThreads) grid_hops(unsigned* values, unsigned* data, int steps) {
  const unsigned blocks = gridDim.x;
  unsigned value = blockIdx.x;
  for (int step = 0; step < steps; ++step) {
    unsigned* const slot = data + static_cast<unsigned>(step % 2) * blocks;
    if (threadIdx.x == 0) slot[blockIdx.x] = value;
    device::grid_barrier();
    if (threadIdx.x == 0) value = slot[(blockIdx.x + 1) % blocks] + 1;
  }
  if (threadIdx.x == 0) values[blockIdx.x] = value;
}

// Four words a thread are under way at once. They come from L2: where all that is copied fits there, a multiprocessor
// copies the same words in each turn, and would find them in its first-level cache.
constexpr int kCopiedAtOnce = 4;

RECUR_KERNEL(1024) copies(const uint4* from, uint4* to, std::size_t words, int times) {
  const std::size_t stride = static_cast<std::size_t>(gridDim.x) * blockDim.x;
  const std::size_t first = static_cast<std::size_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  for (int time = 0; time < times; ++time) {
    for (std::size_t i = first; i < words; i += kCopiedAtOnce * stride) {
      uint4 held[kCopiedAtOnce];
      RECUR_UNROLL
      for (int k = 0; k < kCopiedAtOnce; ++k) {
        const std::size_t at = i + static_cast<std::size_t>(k) * stride;
        if (at < words) held[k] = device::load_from_l2(from + at);
      }
      RECUR_UNROLL
      for (int k = 0; k < kCopiedAtOnce; ++k) {
        const std::size_t at = i + static_cast<std::size_t>(k) * stride;
        if (at < words) to[at] = held[k];
      }
    }
  }
}

RECUR_KERNEL(32) nothing(int) {}

}  // namespace recur::perf
