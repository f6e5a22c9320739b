// Kernels that are wrong, one mistake each: planted_test.cpp says which detector must find it.
#pragma once

#include "kernels/device/async_copy.cuh"
#include "kernels/device/cluster.cuh"
#include "kernels/device/flags.cuh"
#include "kernels/device/launch.cuh"
#include "kernels/device/sync.cuh"

namespace recur::test::planted {

constexpr int kBlock = 64;

// Barriers and warps.
RECUR_KERNEL(kBlock) barrier_in_branch(int* out) {
  if (threadIdx.x < 32) {  // NOLINT(bugprone-branch-clone): which is the mistake
    __syncthreads();
  } else {
    __syncthreads();
  }
  out[threadIdx.x] = 0;
}
RECUR_KERNEL(kBlock) exit_before_barrier(int* out) {
  if (threadIdx.x == 5) return;
  __syncthreads();
  out[threadIdx.x] = 0;
}
RECUR_KERNEL(kBlock) uneven_loop(int* out) {
  for (unsigned i = 0; i < 1 + threadIdx.x / 32; ++i) __syncthreads();
  out[threadIdx.x] = 0;
}
RECUR_KERNEL(kBlock) named_barrier_short(int* out) {
  if (threadIdx.x < 32) device::named_barrier(1, kBlock);
  out[threadIdx.x] = 0;
}
RECUR_KERNEL(kBlock) named_barrier_counts(int* out) {
  device::named_barrier(1, threadIdx.x < 32 ? 64 : 96);
  out[threadIdx.x] = 0;
}
RECUR_KERNEL(kBlock) grid_barrier_not_cooperative(int* out) {
  device::grid_barrier();
  out[threadIdx.x] = 0;
}
RECUR_KERNEL(kBlock) shuffle_from_absent(int* out) {
  int value = 1;
  if (threadIdx.x < 16) value = __shfl_xor_sync(0xffffu, value, 16);
  out[threadIdx.x] = value;
}
RECUR_KERNEL(kBlock) different_collectives(int* out) {
  int value = 1;
  if (threadIdx.x % 32 < 16) {
    value = __shfl_xor_sync(~0u, value, 1);
  } else {
    value = static_cast<int>(__ballot_sync(~0u, value));
  }
  out[threadIdx.x] = value;
}
RECUR_KERNEL(kBlock) half_a_shuffle(int* out) {
  int value = 1;
  if (threadIdx.x % 32 < 16) value = __shfl_xor_sync(~0u, value, 1);
  out[threadIdx.x] = value;
}
RECUR_KERNEL(kBlock) not_in_own_mask(int* out) { out[threadIdx.x] = __any_sync(0xfffffffeu, 1); }
RECUR_KERNEL(kBlock) cluster_wait_alone(int* out) {
  device::cluster_wait();
  out[threadIdx.x] = 0;
}

// Waiting for what never comes.
RECUR_KERNEL(kBlock) flag_never_set(unsigned* flag) {
  if (threadIdx.x == 0) {
    while (device::load_acquire<device::MemoryScope::device>(flag) < 2u) device::pause();
  }
  if (threadIdx.x == 1) device::store_release<device::MemoryScope::device>(flag, 1u);
}
RECUR_KERNEL(kBlock) waits_for_later_block(unsigned* flags) {
  if (threadIdx.x != 0) return;
  device::store_release<device::MemoryScope::device>(&flags[blockIdx.x], 1u);
  while (device::load_acquire<device::MemoryScope::device>(&flags[blockIdx.x ^ 1u]) == 0) device::pause();
}
RECUR_KERNEL(kBlock) spins_on_plain_load(volatile int* flag) {
  if (threadIdx.x == 0) {
    while (*flag == 0) {
    }
  }
  if (threadIdx.x == 1) *flag = 1;
}
RECUR_KERNEL(32) bytes_never_arrive(int* out) {
  RECUR_SHARED(std::uint64_t, barrier, [1]);
  if (threadIdx.x == 0) {
    device::mbarrier_init(barrier, 1);
    device::mbarrier_arrive<device::MemoryScope::block>(barrier, 16);
  }
  __syncwarp();
  device::mbarrier_wait<device::MemoryScope::block>(barrier, 0);
  out[threadIdx.x] = 0;
}

// Mbarriers and asynchronous copies.
RECUR_KERNEL(32) mbarrier_not_initialised(int* out) {
  RECUR_SHARED(std::uint64_t, barrier, [1]);
  device::mbarrier_arrive<device::MemoryScope::block>(barrier);
  out[threadIdx.x] = 0;
}
RECUR_KERNEL(32) mbarrier_twice(int* out) {
  RECUR_SHARED(std::uint64_t, barrier, [1]);
  device::mbarrier_init(barrier, 1);
  out[threadIdx.x] = 0;
}
RECUR_KERNEL(1) mbarrier_overwritten(int* out) {
  RECUR_SHARED(std::uint64_t, barrier, [1]);
  device::mbarrier_init(barrier, 1);
  barrier[0] = 0;
  device::mbarrier_arrive<device::MemoryScope::block>(barrier);
  out[0] = 0;
}
RECUR_KERNEL(1) mbarrier_arrived_at_too_often(int* out) {
  RECUR_SHARED(std::uint64_t, barrier, [1]);
  device::mbarrier_init(barrier, 1);
  device::mbarrier_arrive<device::MemoryScope::block>(barrier, 16);
  device::mbarrier_arrive<device::MemoryScope::block>(barrier, 16);
  out[0] = 0;
}
RECUR_KERNEL(1) bulk_copy_of_odd_size(const int* from) {
  RECUR_SHARED(int4, to, [2]);
  RECUR_SHARED(std::uint64_t, barrier, [1]);
  device::mbarrier_init(barrier, 1);
  device::bulk_copy_from_global(to, from, 20, barrier);
}
RECUR_KERNEL(32) bulk_copy_without_fence(int* out) {
  RECUR_SHARED(int4, from, [32]);
  from[threadIdx.x] = make_int4(1, 2, 3, 4);
  __syncwarp();
  if (threadIdx.x == 0) {
    device::bulk_copy_to_global(out, from, sizeof(from));
    device::bulk_commit();
    device::bulk_wait<0>();
  }
}
RECUR_KERNEL(32) exits_during_bulk_copy(int* out) {
  RECUR_SHARED(int4, from, [32]);
  from[threadIdx.x] = make_int4(1, 2, 3, 4);
  device::fence_proxy_async();
  __syncwarp();
  if (threadIdx.x == 0) {
    device::bulk_copy_to_global(out, from, sizeof(from));
    device::bulk_commit();
  }
}
RECUR_KERNEL(1) exits_before_copy_arrives(const int* from) {
  RECUR_SHARED(int4, to, [1]);
  RECUR_SHARED(std::uint64_t, barrier, [1]);
  device::mbarrier_init(barrier, 1);
  device::mbarrier_arrive<device::MemoryScope::block>(barrier, 16);
  device::bulk_copy_from_global(to, from, 16, barrier);
}
RECUR_KERNEL(1) misaligned_async_copy(const int* from) {
  RECUR_SHARED(int, to, [8]);
  device::copy_async_16(to + 1, from);
  device::copy_async_commit();
  device::copy_async_wait<0>();
}
RECUR_KERNEL(32) async_copy_without_wait(const int* from, float* out) {
  RECUR_SHARED(float4, to, [32]);
  device::copy_async_16(&to[threadIdx.x], from + threadIdx.x * 4);
  device::copy_async_commit();
  out[threadIdx.x] = to[threadIdx.x].x;
}

// Clusters.
RECUR_KERNEL(32) mapped_before_barrier(int* out) {
  RECUR_SHARED(int, values, [32]);
  device::map_shared(values, device::cluster_rank() ^ 1u)[threadIdx.x] = 1;
  device::cluster_barrier();
  out[blockIdx.x * 32 + threadIdx.x] = values[threadIdx.x];
}
RECUR_KERNEL(32) mapped_beyond_cluster(int* out) {
  RECUR_SHARED(int, values, [32]);
  device::cluster_barrier();
  out[blockIdx.x * 32 + threadIdx.x] = device::map_shared(values, 2)[threadIdx.x];
}
RECUR_KERNEL(32) peer_has_exited(int* out) {
  RECUR_SHARED(int, values, [32]);
  values[threadIdx.x] = static_cast<int>(threadIdx.x);
  device::cluster_barrier();
  int* peer = device::map_shared(values, 1);
  device::cluster_barrier();
  if (device::cluster_rank() == 1) return;
  // Long enough for the other block to be gone.
  for (int i = 0; i < 8; ++i) device::pause();
  out[threadIdx.x] = peer[threadIdx.x];
}
// Block 0 stores to block 1, which waits for it.
template <device::MemoryScope kScope, bool kLastBarrier>
RECUR_DEVICE void store_to_peer(int* out) {
  RECUR_SHARED(int, inbox, [1]);
  RECUR_SHARED(std::uint64_t, barrier, [1]);
  if (threadIdx.x == 0) device::mbarrier_init(barrier, 1);
  device::mbarrier_init_fence();
  device::cluster_barrier();
  if (threadIdx.x == 0) {
    if (device::cluster_rank() == 0) {
      device::store_async(inbox, 7, barrier, 1);
    } else {
      device::mbarrier_arrive<kScope>(barrier, sizeof(int));
      device::mbarrier_wait<kScope>(barrier, 0);
      *out = inbox[0];
    }
  }
  if (kLastBarrier) device::cluster_barrier();
}
RECUR_KERNEL(32) exits_before_its_store_arrives(int* out) {
  store_to_peer<device::MemoryScope::cluster, false>(out);
}
RECUR_KERNEL(32) too_narrow_wait_for_store(int* out) { store_to_peer<device::MemoryScope::block, true>(out); }
RECUR_KERNEL(32) too_narrow_arrival(int* out) {
  RECUR_SHARED(int, inbox, [1]);
  RECUR_SHARED(std::uint64_t, barrier, [1]);
  const unsigned rank = device::cluster_rank();
  if (threadIdx.x == 0) device::mbarrier_init(barrier, 1);
  device::cluster_barrier();
  if (rank == 0 && threadIdx.x == 0) {
    *device::map_shared(inbox, 1) = 7;
    device::mbarrier_arrive_remote(barrier, 1);
  }
  if (rank == 1 && threadIdx.x == 0) {
    device::mbarrier_wait<device::MemoryScope::block>(barrier, 0);  // the data is another block's
    *out = inbox[0];
  }
  device::cluster_barrier();
}
RECUR_KERNEL(kBlock) relaxed_arrival(int* out) {
  RECUR_SHARED(int, inbox, [1]);
  RECUR_SHARED(std::uint64_t, barrier, [1]);
  if (threadIdx.x == 0) device::mbarrier_init(barrier, 1);
  __syncthreads();
  if (threadIdx.x == 32) {
    inbox[0] = 7;
    device::mbarrier_arrive_relaxed(barrier, 0);  // publishes nothing
  }
  if (threadIdx.x == 0) {
    device::mbarrier_wait<device::MemoryScope::cluster>(barrier, 0);
    *out = inbox[0];
  }
}

// Races.
RECUR_KERNEL(kBlock) no_barrier(int* out) {
  RECUR_SHARED(int, values, [kBlock]);
  values[threadIdx.x] = static_cast<int>(threadIdx.x);
  out[threadIdx.x] = values[kBlock - 1 - threadIdx.x];
}
RECUR_KERNEL(kBlock) overwritten_too_soon(int* out) {
  RECUR_SHARED(int, values, [kBlock]);
  int sum = 0;
  for (int i = 0; i < 3; ++i) {
    values[threadIdx.x] = static_cast<int>(threadIdx.x) + i;
    __syncthreads();
    sum += values[(threadIdx.x + 32) % kBlock];
  }
  out[threadIdx.x] = sum;
}
RECUR_KERNEL(32) no_syncwarp(int* out) {
  RECUR_SHARED(int, values, [32]);
  values[threadIdx.x] = static_cast<int>(threadIdx.x);
  out[threadIdx.x] = values[31 - threadIdx.x];
}
RECUR_KERNEL(32) shuffle_as_fence(int* out) {
  RECUR_SHARED(int, values, [32]);
  values[threadIdx.x] = static_cast<int>(threadIdx.x);
  const int zero = __shfl_xor_sync(~0u, 0, 1);
  out[threadIdx.x] = values[31 - threadIdx.x] + zero;
}
RECUR_KERNEL(32) blocks_write_one_place(int* out) { out[threadIdx.x] = static_cast<int>(blockIdx.x); }
RECUR_KERNEL(32) no_grid_barrier(int* data, int* out) {
  data[blockIdx.x * 32 + threadIdx.x] = 1;
  out[blockIdx.x * 32 + threadIdx.x] = data[(blockIdx.x ^ 1u) * 32 + threadIdx.x];
}
RECUR_KERNEL(32) too_narrow_flag(unsigned* flag, int* data, int* out) {
  if (threadIdx.x != 0) return;
  if (blockIdx.x == 0) {
    *data = 7;
    device::store_release<device::MemoryScope::block>(flag, 1u);
  } else {
    while (device::load_acquire<device::MemoryScope::device>(flag) == 0) device::pause();
    *out = *data;
  }
}
RECUR_KERNEL(1) source_reused_too_soon(int* out) {
  RECUR_SHARED(int4, from, [1]);
  from[0] = make_int4(1, 1, 1, 1);
  device::fence_proxy_async();
  device::bulk_copy_to_global(out, from, 16);
  device::bulk_commit();
  from[0] = make_int4(2, 2, 2, 2);
  device::bulk_wait<0>();
}

// Addresses.
RECUR_KERNEL(kBlock) beyond_dynamic(int* out) {
  RECUR_DYNAMIC_SHARED(int, values);
  values[threadIdx.x + 1] = 1;
  out[threadIdx.x] = 0;
}
RECUR_KERNEL(kBlock) beyond_static(int* out) {
  RECUR_SHARED(int, values, [kBlock]);
  (&values[0])[threadIdx.x + 1] = 1;
  out[threadIdx.x] = 0;
}
RECUR_KERNEL(kBlock) beyond_global(int* out) { out[threadIdx.x + 1] = 1; }
RECUR_KERNEL(kBlock) beyond_local(int* out) {
  int values[4] = {};
  const volatile unsigned four = 4;
  values[four] = 1;
  out[threadIdx.x] = values[threadIdx.x % 4];
}
RECUR_KERNEL(kBlock) misaligned_vector(int* out) {
  RECUR_SHARED(int4, values, [kBlock]);
  values[threadIdx.x] = make_int4(0, 0, 0, 0);
  const auto* bytes = reinterpret_cast<const unsigned char*>(&values[threadIdx.x]) + 4;
  out[threadIdx.x] = threadIdx.x + 1 < kBlock ? reinterpret_cast<const int4*>(bytes)->x : 0;
}
RECUR_KERNEL(kBlock) dynamic_without_bytes(int* out) {
  RECUR_DYNAMIC_SHARED(int, values);
  out[threadIdx.x] = values[0];
}
RECUR_KERNEL(kBlock) never_written(float* out) {
  RECUR_SHARED(float, values, [kBlock]);
  out[threadIdx.x] = values[threadIdx.x];
}
inline int deep(const volatile char* above, int levels) {
  volatile char frame[1024];
  frame[0] = above[0];
  return levels == 0 ? frame[0] : deep(frame, levels - 1) + frame[0];
}
RECUR_KERNEL(1) deep_recursion(int* out) {
  volatile char top[1] = {0};
  *out = deep(top, 1000);
}

}  // namespace recur::test::planted
