// One small kernel for every wrapper of kernels/device: run by simt under each schedule, and compiled by
// nvcc.
#pragma once

#include "kernels/device/async_copy.cuh"
#include "kernels/device/cluster.cuh"
#include "kernels/device/flags.cuh"
#include "kernels/device/launch.cuh"
#include "kernels/device/mma.cuh"
#include "kernels/device/sync.cuh"

namespace recur::test {

constexpr int kThreads = 128;

// result[t] = t of the thread at the other end of the block, through static shared memory.
RECUR_KERNEL(kThreads) reverse_static(int* result) {
  RECUR_SHARED(int, values, [kThreads]);
  values[threadIdx.x] = static_cast<int>(threadIdx.x);
  __syncthreads();
  result[blockIdx.x * kThreads + threadIdx.x] = values[kThreads - 1 - threadIdx.x];
}

RECUR_KERNEL(kThreads) reverse_dynamic(int* result) {
  RECUR_DYNAMIC_SHARED(int, values);
  values[threadIdx.x] = static_cast<int>(threadIdx.x);
  __syncthreads();
  result[blockIdx.x * kThreads + threadIdx.x] = values[kThreads - 1 - threadIdx.x];
}

// Sum of a warp's lane numbers, by xor, down and broadcast; and votes.
RECUR_KERNEL(kThreads) warp_collectives(int* sums, unsigned* votes) {
  const unsigned lane = threadIdx.x % 32;
  int sum = static_cast<int>(lane);
  for (int step = 16; step != 0; step /= 2) sum += __shfl_xor_sync(~0u, sum, step);
  int down = static_cast<int>(lane);
  for (unsigned step = 16; step != 0; step /= 2) down += __shfl_down_sync(~0u, down, step);
  down = __shfl_sync(~0u, down, 0);
  const int before = __shfl_up_sync(~0u, static_cast<int>(lane), 1);
  sums[threadIdx.x] = sum == down && before == (lane == 0 ? 0 : static_cast<int>(lane) - 1) ? sum : -1;
  const unsigned odd = __ballot_sync(~0u, static_cast<int>(lane % 2));
  const bool any = __any_sync(~0u, lane == 7 ? 1 : 0) != 0;
  const bool all = __all_sync(~0u, lane < 31 ? 1 : 0) != 0;
  votes[threadIdx.x] = any && !all ? odd : 0;
}

// Neighbours of a warp exchange through shared memory.
RECUR_KERNEL(kThreads) warp_memory(int* result) {
  RECUR_SHARED(int, values, [kThreads]);
  values[threadIdx.x] = static_cast<int>(threadIdx.x);
  __syncwarp();
  result[threadIdx.x] = values[threadIdx.x ^ 1u];
}

// Warp 0 produces, warps 1 to 3 consume: a barrier that the producer does not wait at, and one for consumers
// alone.
RECUR_KERNEL(kThreads) named_barriers(int* result) {
  RECUR_SHARED(int, values, [32]);
  RECUR_SHARED(int, sums, [3]);
  const unsigned warp = threadIdx.x / 32;
  const unsigned lane = threadIdx.x % 32;
  if (warp == 0) {
    values[lane] = static_cast<int>(lane);
    device::named_barrier_arrive(1, kThreads);
    return;
  }
  device::named_barrier(1, kThreads);
  if (lane == 0) {
    int sum = 0;
    for (int i = 0; i < 32; ++i) sum += values[i];
    sums[warp - 1] = sum;
  }
  device::named_barrier(2, kThreads - 32);
  if (lane == 0) result[warp - 1] = sums[warp % 3];
}

// Every block counts all blocks' arrivals, twice.
RECUR_KERNEL(kThreads) grid_barriers(unsigned* counter, unsigned* result) {
  for (int round = 0; round < 2; ++round) {
    if (threadIdx.x == 0) atomicAdd(counter, 1u);
    device::grid_barrier();
    if (threadIdx.x == 0) result[static_cast<unsigned>(round) * gridDim.x + blockIdx.x] = *counter;
    device::grid_barrier();
  }
}

// Each block publishes a value behind a flag; the next one waits for it. Needs all blocks at once.
RECUR_KERNEL(32) flag_ring(unsigned* flags, int* data, int* result) {
  const unsigned next = (blockIdx.x + 1) % gridDim.x;
  if (threadIdx.x == 0) {
    data[blockIdx.x] = static_cast<int>(blockIdx.x) + 100;
    device::store_release<device::MemoryScope::device>(&flags[blockIdx.x], 1u);
    while (device::load_acquire<device::MemoryScope::device>(&flags[next]) == 0) device::pause();
    result[blockIdx.x] = data[next];
  }
}

// All blocks count up; block 0 waits for them.
RECUR_KERNEL(32) counter(unsigned* count, int* data, int* result) {
  if (threadIdx.x != 0) return;
  data[blockIdx.x] = static_cast<int>(blockIdx.x);
  device::add_release(count, 1u);
  if (blockIdx.x != 0) return;
  while (device::load_acquire<device::MemoryScope::device>(count) < gridDim.x) device::pause();
  int sum = 0;
  for (unsigned i = 0; i < gridDim.x; ++i) sum += data[i];
  *result = sum;
}

// Copies in two groups; the first is used while the second is under way. The last copy is half zeros.
RECUR_KERNEL(32) async_copies(const int* from, int* to) {
  RECUR_SHARED(int4, first, [32]);
  RECUR_SHARED(int4, second, [32]);
  const unsigned lane = threadIdx.x;
  device::copy_async_16(&first[lane], from + lane * 4);
  device::copy_async_commit();
  device::copy_async_16(&second[lane], from + 128 + lane * 4, lane == 31 ? 8 : 16);
  device::copy_async_commit();
  device::copy_async_wait<1>();
  __syncwarp();
  reinterpret_cast<int4*>(to)[lane] = first[31 - lane];
  device::copy_async_wait<0>();
  __syncwarp();
  reinterpret_cast<int4*>(to)[32 + lane] = second[31 - lane];
}

// Every block writes its rank into the next one's shared memory.
RECUR_KERNEL(32) cluster_store(unsigned* result) {
  RECUR_SHARED(unsigned, inbox, [32]);
  const unsigned rank = device::cluster_rank();
  const unsigned size = device::cluster_size();
  device::cluster_barrier();
  device::map_shared(inbox, (rank + 1) % size)[threadIdx.x] = rank * 100 + threadIdx.x;
  device::cluster_arrive();
  device::cluster_wait();
  result[blockIdx.x * 32 + threadIdx.x] = inbox[threadIdx.x];
}

// A ring over the cluster for several steps: each block pushes a value and is counted by bytes;
// double-buffered, as a recurrent kernel is. The receiver's arrival tells the sender that a buffer is free.
RECUR_KERNEL(32) async_stores(int steps, unsigned* result) {
  RECUR_SHARED(uint2, inbox, [2][32]);
  RECUR_SHARED(std::uint64_t, full, [2]);
  RECUR_SHARED(std::uint64_t, empty, [2]);
  const unsigned rank = device::cluster_rank();
  const unsigned size = device::cluster_size();
  const unsigned next = (rank + 1) % size;
  const unsigned previous = (rank + size - 1) % size;
  if (threadIdx.x == 0) {
    for (int i = 0; i < 2; ++i) {
      device::mbarrier_init(&full[i], 1);
      device::mbarrier_init(&empty[i], 32);
    }
    device::mbarrier_init_fence();
  }
  device::cluster_barrier();
  unsigned value = rank;
  for (int step = 0; step < steps; ++step) {
    const int slot = step % 2;
    const unsigned parity = static_cast<unsigned>(step / 2 % 2);
    if (threadIdx.x == 0)
      device::mbarrier_arrive<device::MemoryScope::block>(&full[slot], 32 * sizeof(uint2));
    if (step >= 2) device::mbarrier_wait<device::MemoryScope::cluster>(&empty[slot], parity ^ 1u);
    const uint2 message = make_uint2(value, threadIdx.x);
    device::store_async(&inbox[slot][threadIdx.x], message, &full[slot], next);
    device::mbarrier_wait<device::MemoryScope::cluster>(&full[slot], parity);
    const uint2 received = inbox[slot][31 - threadIdx.x];
    value = received.y == 31 - threadIdx.x ? received.x : ~0u;
    device::mbarrier_arrive_remote(&empty[slot], previous);
  }
  result[blockIdx.x * 32 + threadIdx.x] = value;
  device::cluster_barrier();
}

// Global to shared, to the next block of the cluster, and back to global memory, all by bulk copies.
RECUR_KERNEL(32) bulk_copies(const unsigned* from, unsigned* to) {
  RECUR_SHARED(uint4, mine, [32]);
  RECUR_SHARED(uint4, others, [32]);
  RECUR_SHARED(std::uint64_t, loaded, [1]);
  RECUR_SHARED(std::uint64_t, received, [1]);
  const unsigned next = (device::cluster_rank() + 1) % device::cluster_size();
  constexpr unsigned kBytes = 32 * sizeof(uint4);
  if (threadIdx.x == 0) {
    device::mbarrier_init(loaded, 1);
    device::mbarrier_init(received, 1);
    device::mbarrier_init_fence();
  }
  device::cluster_barrier();
  if (threadIdx.x == 0) {
    device::mbarrier_arrive_relaxed(received, kBytes);
    device::mbarrier_arrive<device::MemoryScope::block>(loaded, kBytes);
    device::bulk_copy_from_global(mine, from + blockIdx.x * 128, kBytes, loaded);
  }
  device::mbarrier_wait<device::MemoryScope::block>(loaded, 0);
  mine[threadIdx.x].x += 1;
  device::fence_proxy_async();
  __syncwarp();
  if (threadIdx.x == 0) device::bulk_copy_to_block(others, mine, kBytes, received, next);
  device::mbarrier_wait<device::MemoryScope::cluster>(received, 0);
  others[threadIdx.x].y += 1;
  device::fence_proxy_async();
  __syncwarp();
  if (threadIdx.x == 0) {
    device::bulk_copy_to_global(to + blockIdx.x * 128, others, kBytes);
    device::bulk_commit();
    device::bulk_wait<0>();
  }
  device::cluster_barrier();
}

// Bits of what each lane loads by ldmatrix, plain and transposed.
RECUR_KERNEL(32) load_matrices(const std::uint16_t* from, std::uint32_t* plain, std::uint32_t* transposed) {
  RECUR_SHARED(uint4, rows, [32]);
  rows[threadIdx.x] = reinterpret_cast<const uint4*>(from)[threadIdx.x];
  __syncwarp();
  std::uint32_t fragments[4];
  device::load_matrix<4, false>(fragments, &rows[threadIdx.x]);
  for (int i = 0; i < 4; ++i) plain[threadIdx.x * 4 + static_cast<unsigned>(i)] = fragments[i];
  device::load_matrix<4, true>(fragments, &rows[threadIdx.x]);
  for (int i = 0; i < 4; ++i) transposed[threadIdx.x * 4 + static_cast<unsigned>(i)] = fragments[i];
  std::uint32_t pair[2], one[1];
  device::load_matrix<2, false>(pair, &rows[threadIdx.x]);
  device::load_matrix<1, true>(one, &rows[threadIdx.x]);
  if (pair[1] != plain[threadIdx.x * 4 + 1] || one[0] != transposed[threadIdx.x * 4]) plain[0] = ~0u;
}

// One product of each shape; fragments are given and taken as registers: a [32][4], b [32][2], d [32][4].
template <int kShape>
RECUR_KERNEL(32)
products(const std::uint32_t* a, const std::uint32_t* b, float* d) {
  const unsigned lane = threadIdx.x;
  const std::uint32_t a4[4] = {a[lane * 4], a[lane * 4 + 1], a[lane * 4 + 2], a[lane * 4 + 3]};
  const std::uint32_t b2[2] = {b[lane * 2], b[lane * 2 + 1]};
  const std::uint32_t a2[2] = {a4[0], a4[1]};
  const std::uint32_t b1[1] = {b2[0]};
  float sums[4] = {d[lane * 4], d[lane * 4 + 1], d[lane * 4 + 2], d[lane * 4 + 3]};
  if constexpr (kShape == 0) device::mma_16x8x16_bf16(sums, a4, b2);
  if constexpr (kShape == 1) device::mma_16x8x16_f16(sums, a4, b2);
  if constexpr (kShape == 2) device::mma_16x8x8_bf16(sums, a2, b1);
  if constexpr (kShape == 3) device::mma_16x8x8_f16(sums, a2, b1);
  if constexpr (kShape == 4) device::mma_16x8x8_tf32(sums, a4, b2);
  for (unsigned i = 0; i < 4; ++i) d[lane * 4 + i] = sums[i];
}

RECUR_KERNEL(32) round_to_tf32(const float* from, std::uint32_t* to) {
  to[threadIdx.x] = device::to_tf32(from[threadIdx.x]);
}

}  // namespace recur::test
