// cp.async: copies from global to shared memory that pass no register. A thread sees its own copies after
// waiting for their group, other threads after a barrier that follows. Chips before sm_80 copy at once, with
// the same meaning. No kernel of the library copies so yet: a fused step kernel will fetch R by it.
#pragma once

#include "kernels/device/arch.cuh"

namespace recur::device {

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
  auto* to = static_cast<unsigned char*>(shared);
  const auto* from = static_cast<const unsigned char*>(global);
  if (source_bytes == 16) {
    *reinterpret_cast<int4*>(to) = *reinterpret_cast<const int4*>(from);
  } else {
    for (int i = 0; i < 16; ++i) to[i] = i < source_bytes ? from[i] : 0;
  }
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

}  // namespace recur::device
