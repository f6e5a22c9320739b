// Barriers: of some warps of a block, of a cluster, of a grid. For a whole block: __syncthreads(). For a
// warp:
// __syncwarp().
#pragma once

#include "kernels/device/arch.cuh"

#if !defined(RECUR_SIMT)
#include <cooperative_groups.h>
#endif

namespace recur::device {

// Barrier `id` (1 to 15; 0 is __syncthreads) of `threads` threads of a block, a multiple of 32. Whole warps
// come.
RECUR_DEVICE void named_barrier(int id, unsigned threads RECUR_WHERE) {
#if defined(RECUR_SIMT)
  simt::barrier(simt::Scope::block, id, threads, "named_barrier", where);
#else
  asm volatile("barrier.sync.aligned %0, %1;" ::"r"(id), "r"(threads) : "memory");
#endif
}

// As named_barrier, for threads that need not wait.
RECUR_DEVICE void named_barrier_arrive(int id, unsigned threads RECUR_WHERE) {
#if defined(RECUR_SIMT)
  simt::barrier_arrive(id, threads, "named_barrier_arrive", where);
#else
  asm volatile("barrier.arrive.aligned %0, %1;" ::"r"(id), "r"(threads) : "memory");
#endif
}

// Barrier of all blocks of a cooperative launch. Orders all memory.
RECUR_DEVICE void grid_barrier(RECUR_ONLY_WHERE) {
#if defined(RECUR_SIMT)
  simt::barrier(simt::Scope::grid, 0, 0, "grid_barrier", where);
#else
  cooperative_groups::this_grid().sync();
#endif
}

// Barrier of all blocks of a cluster, in two halves: what comes before the arrival is seen after the wait. A
// block must not exit before others have last used its shared memory: end with a cluster barrier. sm_90.
RECUR_DEVICE void cluster_arrive(RECUR_ONLY_WHERE) {
#if defined(RECUR_SIMT)
  simt::cluster_arrive(where);
#elif RECUR_ARCH >= 90
  asm volatile("barrier.cluster.arrive.release.aligned;" ::: "memory");
#else
  chip_too_old();
#endif
}
RECUR_DEVICE void cluster_wait(RECUR_ONLY_WHERE) {
#if defined(RECUR_SIMT)
  simt::cluster_wait(where);
#elif RECUR_ARCH >= 90
  asm volatile("barrier.cluster.wait.acquire.aligned;" ::: "memory");
#else
  chip_too_old();
#endif
}
RECUR_DEVICE void cluster_barrier(RECUR_ONLY_WHERE) {
#if defined(RECUR_SIMT)
  simt::barrier(simt::Scope::cluster, 0, 0, "cluster_barrier", where);
#else
  cluster_arrive();
  cluster_wait();
#endif
}

}  // namespace recur::device
