// Kernels of hops.hpp.
#pragma once

#include "kernels/device/cluster.cuh"
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
// between, which they did after they had read it.
RECUR_KERNEL(kHopThreads) pushes(unsigned* values, int steps, unsigned words) {
  RECUR_DYNAMIC_SHARED(uint4, memory);  // inbox [2][senders][words], own words [words]
  RECUR_SHARED(std::uint64_t, full, [2]);
  const unsigned rank = device::cluster_rank();
  const unsigned size = device::cluster_size();
  const unsigned bytes = (size - 1) * words * static_cast<unsigned>(sizeof(uint4));
  uint4* const own = memory + 2 * size * words;
  if (threadIdx.x == 0) {
    for (int slot = 0; slot < 2; ++slot) device::mbarrier_init(&full[slot], 1);
    device::mbarrier_init_fence();
    for (int slot = 0; slot < 2; ++slot) device::mbarrier_arrive_relaxed(&full[slot], bytes);
  }
  for (unsigned i = threadIdx.x; i < words; i += kHopThreads) own[i] = make_uint4(rank, i, 0, 0);
  device::cluster_barrier();
  for (int step = 0; step < steps; ++step) {
    const int slot = step % 2;
    uint4* const inbox = memory + static_cast<unsigned>(slot) * size * words;
    for (unsigned i = threadIdx.x; i < words; i += kHopThreads) {
      const uint4 word = own[i];
      // The next block first, so that not all push to the same one.
      for (unsigned other = 1; other < size; ++other) {
        device::store_async(&inbox[rank * words + i], word, &full[slot], (rank + other) % size);
      }
    }
    device::mbarrier_wait<device::MemoryScope::cluster>(&full[slot], static_cast<unsigned>(step / 2 % 2));
    // Two steps from now.
    if (threadIdx.x == 0) device::mbarrier_arrive_relaxed(&full[slot], bytes);
    for (unsigned i = threadIdx.x; i < words; i += kHopThreads) {
      unsigned sum = own[i].x + rank;
      for (unsigned other = 0; other < size; ++other) {
        if (other != rank) sum += inbox[other * words + i].x;
      }
      own[i].x = sum;
    }
    __syncthreads();
  }
  for (unsigned i = threadIdx.x; i < words; i += kHopThreads) values[blockIdx.x * words + i] = own[i].x;
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

// Four words a thread are under way at once.
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
        if (at < words) held[k] = from[at];
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
