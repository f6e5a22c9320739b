// cp.async: copies from global to shared memory that pass no register. A thread sees its own copies after
// waiting for their group, other threads after a barrier that follows. Chips before sm_80 copy at once, with
// the same meaning.
#pragma once

#include "kernels/device/arch.cuh"

namespace recur::device {

#if !defined(RECUR_SIMT) && RECUR_ARCH < 80
template <class Word>
RECUR_DEVICE void copy_at_once(void* shared, const void* global, int source_bytes) {
  constexpr int kBytes = sizeof(Word);
  auto* to = static_cast<unsigned char*>(shared);
  const auto* from = static_cast<const unsigned char*>(global);
  if (source_bytes == kBytes) {
    *reinterpret_cast<Word*>(to) = *reinterpret_cast<const Word*>(from);
  } else {
    for (int i = 0; i < kBytes; ++i) to[i] = i < source_bytes ? from[i] : 0;
  }
}
#endif

// Copies 16 bytes, of which the first `source_bytes` come from memory and the rest are zero. Both addresses
// are 16-byte aligned.
RECUR_DEVICE void copy_async_16(void* shared, const void* global, int source_bytes = 16 RECUR_WHERE) {
#if defined(RECUR_SIMT)
  simt::copy_async(shared, global, 16, source_bytes, where);
#elif RECUR_ARCH >= 80
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared_address(shared)), "l"(global),
               "r"(source_bytes)
               : "memory");
#else
  copy_at_once<int4>(shared, global, source_bytes);
#endif
}

// As copy_async_16, 4 bytes; both addresses are 4-byte aligned.
RECUR_DEVICE void copy_async_4(void* shared, const void* global, int source_bytes = 4 RECUR_WHERE) {
#if defined(RECUR_SIMT)
  simt::copy_async(shared, global, 4, source_bytes, where);
#elif RECUR_ARCH >= 80
  asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;" ::"r"(shared_address(shared)), "l"(global),
               "r"(source_bytes)
               : "memory");
#else
  copy_at_once<std::uint32_t>(shared, global, source_bytes);
#endif
}

RECUR_DEVICE void copy_async_commit() {
#if defined(RECUR_SIMT)
  simt::copy_async_commit();
#elif RECUR_ARCH >= 80
  asm volatile("cp.async.commit_group;" ::: "memory");
#endif
}

// Waits for all groups but the last kPending.
template <int kPending>
RECUR_DEVICE void copy_async_wait() {
#if defined(RECUR_SIMT)
  simt::copy_async_wait(kPending);
#elif RECUR_ARCH >= 80
  asm volatile("cp.async.wait_group %0;" ::"n"(kPending) : "memory");
#endif
}

// Waits for all copies of this thread, committed or not. A group that is committed holds a scoreboard until it
// is there, and the acquire of shared memory by an mbarrier's wait (cluster.cuh) waits for every scoreboard:
// copies that fly over such a wait are committed here and not before.
RECUR_DEVICE void copy_async_wait_all() {
#if defined(RECUR_SIMT)
  simt::copy_async_commit();
  simt::copy_async_wait(0);
#elif RECUR_ARCH >= 80
  asm volatile("cp.async.wait_all;" ::: "memory");
#endif
}

}  // namespace recur::device
