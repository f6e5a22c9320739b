// Clusters (sm_90): blocks that see each other's shared memory, mbarriers that count arrivals and bytes, and
// copies that arrive on their own and are counted by them.
// No kernel of the library has bulk copies yet: steps resident on more than one cluster will fetch W x by them.
// A phase of an mbarrier completes when `count` arrivals have come and all expected bytes have arrived.
// Waiting takes the phase's parity: 0 for the first. Arriving releases and waiting acquires: within a block
// (MemoryScope::block), or, which data from another block needs, within the cluster; of the cluster, shared
// memory alone, since to acquire global memory empties the first-level cache. A barrier that others arrive at
// must be initialised, fenced (mbarrier_init_fence) and followed by a cluster barrier.
#pragma once

#include "kernels/device/flags.cuh"

// PTX 8.6, of CUDA 12.8: fences of shared memory alone, and relaxed arrivals that expect bytes. Older toolkits
// get what orders more. tests/ptx defines it to see what they get.
#if !defined(RECUR_PTX_SYNC_RESTRICT)
#if defined(__CUDACC__) && (__CUDACC_VER_MAJOR__ * 100 + __CUDACC_VER_MINOR__ >= 1208)
#define RECUR_PTX_SYNC_RESTRICT 1
#else
#define RECUR_PTX_SYNC_RESTRICT 0
#endif
#endif

namespace recur::device {

RECUR_DEVICE unsigned cluster_rank() {
#if defined(RECUR_SIMT)
  return simt::cluster_rank();
#elif RECUR_ARCH >= 90
  unsigned rank;
  asm("mov.u32 %0, %%cluster_ctarank;" : "=r"(rank));
  return rank;
#else
  chip_too_old();
  return 0;
#endif
}

RECUR_DEVICE unsigned cluster_size() {
#if defined(RECUR_SIMT)
  return simt::cluster_size();
#elif RECUR_ARCH >= 90
  unsigned size;
  asm("mov.u32 %0, %%cluster_nctarank;" : "=r"(size));
  return size;
#else
  chip_too_old();
  return 1;
#endif
}

// The same place in the shared memory of block `rank`; not before the first cluster barrier.
template <class E>
RECUR_DEVICE E* map_shared(E* shared, unsigned rank RECUR_WHERE) {
#if defined(RECUR_SIMT)
  return static_cast<E*>(simt::map_shared(shared, rank, where));
#elif RECUR_ARCH >= 90
  E* mapped;
  asm("mapa.u64 %0, %1, %2;" : "=l"(mapped) : "l"(shared), "r"(rank));
  return mapped;
#else
  chip_too_old();
  return shared;
#endif
}

RECUR_DEVICE void mbarrier_init(std::uint64_t* barrier, unsigned count RECUR_WHERE) {
#if defined(RECUR_SIMT)
  simt::mbarrier_init(barrier, count, where);
#elif RECUR_ARCH >= 90
  asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(shared_address(barrier)), "r"(count)
               : "memory");
#else
  chip_too_old();
#endif
}

// Makes initialised barriers known to the cluster and to asynchronous copies.
RECUR_DEVICE void mbarrier_init_fence() {
#if !defined(RECUR_SIMT) && RECUR_ARCH >= 90
  asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
#elif !defined(RECUR_SIMT)
  chip_too_old();
#endif
}

// Arrives at a barrier of this block, and expects that many more bytes in this phase.
template <MemoryScope kScope>
RECUR_DEVICE void mbarrier_arrive(std::uint64_t* barrier, unsigned expected_bytes = 0 RECUR_WHERE) {
  static_assert(kScope != MemoryScope::device, "an mbarrier is a cluster's at most");
#if defined(RECUR_SIMT)
  simt::mbarrier_arrive(barrier, expected_bytes, simt_scope(kScope), where);
#elif RECUR_ARCH >= 90
  [[maybe_unused]] std::uint64_t state;
  if constexpr (kScope == MemoryScope::cluster) {
    asm volatile("mbarrier.arrive.expect_tx.release.cluster.shared::cta.b64 %0, [%1], %2;"
                 : "=l"(state)
                 : "r"(shared_address(barrier)), "r"(expected_bytes)
                 : "memory");
  } else {
    asm volatile("mbarrier.arrive.expect_tx.release.cta.shared::cta.b64 %0, [%1], %2;"
                 : "=l"(state)
                 : "r"(shared_address(barrier)), "r"(expected_bytes)
                 : "memory");
  }
#else
  chip_too_old();
#endif
}

// As mbarrier_arrive, but orders nothing: for who has nothing to publish, and only says what is to come. A
// release at cluster scope waits for all that its thread has on the way to memory.
RECUR_DEVICE void mbarrier_arrive_relaxed(std::uint64_t* barrier, unsigned expected_bytes RECUR_WHERE) {
#if defined(RECUR_SIMT)
  simt::mbarrier_arrive_relaxed(barrier, expected_bytes, where);
#elif RECUR_ARCH >= 90
  [[maybe_unused]] std::uint64_t state;
#if RECUR_PTX_SYNC_RESTRICT
  asm volatile("mbarrier.arrive.expect_tx.relaxed.cluster.shared::cta.b64 %0, [%1], %2;"
               : "=l"(state)
               : "r"(shared_address(barrier)), "r"(expected_bytes)
               : "memory");
#else
  asm volatile("mbarrier.arrive.expect_tx.release.cluster.shared::cta.b64 %0, [%1], %2;"
               : "=l"(state)
               : "r"(shared_address(barrier)), "r"(expected_bytes)
               : "memory");
#endif
#else
  chip_too_old();
#endif
}

// Arrives at the barrier at this place in block `rank`, cluster scope.
RECUR_DEVICE void mbarrier_arrive_remote(std::uint64_t* barrier, unsigned rank RECUR_WHERE) {
#if defined(RECUR_SIMT)
  auto* remote = static_cast<std::uint64_t*>(simt::map_shared(barrier, rank, where));
  simt::mbarrier_arrive(remote, 0, simt::MemoryScope::cluster, where);
#elif RECUR_ARCH >= 90
  unsigned remote;
  asm("mapa.shared::cluster.u32 %0, %1, %2;" : "=r"(remote) : "r"(shared_address(barrier)), "r"(rank));
  asm volatile("mbarrier.arrive.release.cluster.shared::cluster.b64 _, [%0];" ::"r"(remote) : "memory");
#else
  chip_too_old();
#endif
}

// Whether the phase of this parity is complete; may wait a while before it says no.
template <MemoryScope kScope>
RECUR_DEVICE bool mbarrier_try_wait(std::uint64_t* barrier, unsigned parity RECUR_WHERE) {
  static_assert(kScope != MemoryScope::device, "an mbarrier is a cluster's at most");
#if defined(RECUR_SIMT)
  return simt::mbarrier_try_wait(barrier, parity, simt_scope(kScope), where);
#elif RECUR_ARCH >= 90
  unsigned complete;
  if constexpr (kScope == MemoryScope::cluster) {
#if RECUR_PTX_SYNC_RESTRICT
    asm volatile(
        "{\n.reg .pred p;\n"
        "mbarrier.try_wait.parity.relaxed.cluster.shared::cta.b64 p, [%1], %2;\n"
        "fence.acquire.sync_restrict::shared::cluster.cluster;\n"
        "selp.u32 %0, 1, 0, p;\n}"
        : "=r"(complete)
        : "r"(shared_address(barrier)), "r"(parity)
        : "memory");
#else
    asm volatile(
        "{\n.reg .pred p;\n"
        "mbarrier.try_wait.parity.acquire.cluster.shared::cta.b64 p, [%1], %2;\n"
        "selp.u32 %0, 1, 0, p;\n}"
        : "=r"(complete)
        : "r"(shared_address(barrier)), "r"(parity)
        : "memory");
#endif
  } else {
    asm volatile(
        "{\n.reg .pred p;\n"
        "mbarrier.try_wait.parity.acquire.cta.shared::cta.b64 p, [%1], %2;\n"
        "selp.u32 %0, 1, 0, p;\n}"
        : "=r"(complete)
        : "r"(shared_address(barrier)), "r"(parity)
        : "memory");
  }
  return complete != 0;
#else
  chip_too_old();
  return true;
#endif
}

template <MemoryScope kScope>
RECUR_DEVICE void mbarrier_wait(std::uint64_t* barrier, unsigned parity RECUR_WHERE) {
#if defined(RECUR_SIMT)
  while (!mbarrier_try_wait<kScope>(barrier, parity, where)) {
  }
#else
  while (!mbarrier_try_wait<kScope>(barrier, parity)) {
  }
#endif
}

// Stores 4, 8 or 16 bytes (by the size of E) at the place of `shared` in block `rank`; arrives later, and
// counts as its size on the barrier at the place of `barrier` in the same block.
template <class E>
RECUR_DEVICE void store_async(E* shared, const E& value, std::uint64_t* barrier, unsigned rank RECUR_WHERE) {
  static_assert(sizeof(E) == 4 || sizeof(E) == 8 || sizeof(E) == 16,
                "st.async has no other sizes: join 16-bit values in pairs");
#if defined(RECUR_SIMT)
  simt::store_async(simt::map_shared(shared, rank, where), &value, sizeof(E),
                    static_cast<std::uint64_t*>(simt::map_shared(barrier, rank, where)), where);
#elif RECUR_ARCH >= 90
  unsigned to, counted_by;
  asm("mapa.shared::cluster.u32 %0, %1, %2;" : "=r"(to) : "r"(shared_address(shared)), "r"(rank));
  asm("mapa.shared::cluster.u32 %0, %1, %2;" : "=r"(counted_by) : "r"(shared_address(barrier)), "r"(rank));
  const auto* words = reinterpret_cast<const unsigned*>(&value);
  if constexpr (sizeof(E) == 4) {
    asm volatile("st.async.weak.shared::cluster.mbarrier::complete_tx::bytes.b32 [%0], %1, [%2];" ::"r"(to),
                 "r"(words[0]), "r"(counted_by)
                 : "memory");
  } else if constexpr (sizeof(E) == 8) {
    asm volatile(
        "st.async.weak.shared::cluster.mbarrier::complete_tx::bytes.v2.b32 [%0], {%1, %2}, [%3];" ::"r"(to),
        "r"(words[0]), "r"(words[1]), "r"(counted_by)
        : "memory");
  } else {
    asm volatile(
        "st.async.weak.shared::cluster.mbarrier::complete_tx::bytes.v4.b32 [%0], {%1, %2, %3, %4}, [%5];" ::
            "r"(to),
        "r"(words[0]), "r"(words[1]), "r"(words[2]), "r"(words[3]), "r"(counted_by)
        : "memory");
  }
#else
  chip_too_old();
#endif
}

// Publishes what this thread wrote to shared memory to the bulk copies that are issued after it (by any
// thread, once a barrier has ordered them).
RECUR_DEVICE void fence_proxy_async() {
#if defined(RECUR_SIMT)
  simt::fence_proxy_async();
#elif RECUR_ARCH >= 90
  asm volatile("fence.proxy.async;" ::: "memory");
#else
  chip_too_old();
#endif
}

// Copies this block's shared memory to the same place in block `rank`, counted by the barrier there. Sizes
// and addresses are multiples of 16 bytes. The source must not change before the barrier's phase is complete.
RECUR_DEVICE void bulk_copy_to_block(void* destination, const void* source, unsigned bytes,
                                     std::uint64_t* barrier, unsigned rank RECUR_WHERE) {
#if defined(RECUR_SIMT)
  simt::bulk_copy_to_shared(simt::map_shared(destination, rank, where), source, bytes,
                            static_cast<std::uint64_t*>(simt::map_shared(barrier, rank, where)), where);
#elif RECUR_ARCH >= 90
  unsigned to, counted_by;
  asm("mapa.shared::cluster.u32 %0, %1, %2;" : "=r"(to) : "r"(shared_address(destination)), "r"(rank));
  asm("mapa.shared::cluster.u32 %0, %1, %2;" : "=r"(counted_by) : "r"(shared_address(barrier)), "r"(rank));
  asm volatile(
      "cp.async.bulk.shared::cluster.shared::cta.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];" ::"r"(
          to),
      "r"(shared_address(source)), "r"(bytes), "r"(counted_by)
      : "memory");
#else
  chip_too_old();
#endif
}

// Copies global memory into this block's shared memory, counted by a barrier of this block.
RECUR_DEVICE void bulk_copy_from_global(void* shared, const void* global, unsigned bytes,
                                        std::uint64_t* barrier RECUR_WHERE) {
#if defined(RECUR_SIMT)
  simt::bulk_copy_to_shared(shared, global, bytes, barrier, where);
#elif RECUR_ARCH >= 90
  asm volatile(
      "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];" ::"r"(
          shared_address(shared)),
      "l"(global), "r"(bytes), "r"(shared_address(barrier))
      : "memory");
#else
  chip_too_old();
#endif
}

// Copies shared to global memory, in groups of the issuing thread: commit, and wait before the source is
// overwritten or the block exits.
RECUR_DEVICE void bulk_copy_to_global(void* global, const void* shared, unsigned bytes RECUR_WHERE) {
#if defined(RECUR_SIMT)
  simt::bulk_copy_to_global(global, shared, bytes, where);
#elif RECUR_ARCH >= 90
  asm volatile("cp.async.bulk.global.shared::cta.bulk_group [%0], [%1], %2;" ::"l"(global),
               "r"(shared_address(shared)), "r"(bytes)
               : "memory");
#else
  chip_too_old();
#endif
}
RECUR_DEVICE void bulk_commit() {
#if defined(RECUR_SIMT)
  simt::bulk_commit();
#elif RECUR_ARCH >= 90
  asm volatile("cp.async.bulk.commit_group;" ::: "memory");
#else
  chip_too_old();
#endif
}
template <int kPending>
RECUR_DEVICE void bulk_wait(RECUR_ONLY_WHERE) {
#if defined(RECUR_SIMT)
  simt::bulk_wait(kPending, where);
#elif RECUR_ARCH >= 90
  asm volatile("cp.async.bulk.wait_group %0;" ::"n"(kPending) : "memory");
#else
  chip_too_old();
#endif
}

}  // namespace recur::device
