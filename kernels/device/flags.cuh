// Flags and counters that threads of different blocks wait for. A flag is 32 bits; it is only ever touched
// through these. What a thread wrote before a release is seen by a thread after the acquire that read it, if
// the scope holds both.
#pragma once

#include "kernels/device/arch.cuh"

namespace recur::device {

enum class MemoryScope { block, cluster, device };

#if defined(RECUR_SIMT)
constexpr simt::MemoryScope simt_scope(MemoryScope scope) {
  return scope == MemoryScope::block     ? simt::MemoryScope::block
         : scope == MemoryScope::cluster ? simt::MemoryScope::cluster
                                         : simt::MemoryScope::device;
}
#endif

template <MemoryScope kScope>
RECUR_DEVICE unsigned load_acquire(const unsigned* flag RECUR_WHERE) {
  unsigned value;
#if defined(RECUR_SIMT)
  simt::poll(where);  // others run before a flag is read
  __atomic_load(flag, &value, __ATOMIC_RELAXED);
  simt::acquire(flag, simt_scope(kScope));
#else
  if constexpr (kScope == MemoryScope::device) {
    asm volatile("ld.acquire.gpu.b32 %0, [%1];" : "=r"(value) : "l"(flag) : "memory");
  } else if constexpr (kScope == MemoryScope::cluster) {
#if RECUR_ARCH >= 90
    asm volatile("ld.acquire.cluster.b32 %0, [%1];" : "=r"(value) : "l"(flag) : "memory");
#else
    value = 0;
    chip_too_old();
#endif
  } else {
    asm volatile("ld.acquire.cta.b32 %0, [%1];" : "=r"(value) : "l"(flag) : "memory");
  }
#endif
  return value;
}

template <MemoryScope kScope>
RECUR_DEVICE void store_release(unsigned* flag, unsigned value) {
#if defined(RECUR_SIMT)
  simt::release(flag, simt_scope(kScope));
  __atomic_store(flag, &value, __ATOMIC_RELAXED);
  simt::write_through(flag, sizeof(value));
  simt::progress();
#else
  if constexpr (kScope == MemoryScope::device) {
    asm volatile("st.release.gpu.b32 [%0], %1;" ::"l"(flag), "r"(value) : "memory");
  } else if constexpr (kScope == MemoryScope::cluster) {
#if RECUR_ARCH >= 90
    asm volatile("st.release.cluster.b32 [%0], %1;" ::"l"(flag), "r"(value) : "memory");
#else
    chip_too_old();
#endif
  } else {
    asm volatile("st.release.cta.b32 [%0], %1;" ::"l"(flag), "r"(value) : "memory");
  }
#endif
}

// Adds to a counter in global memory, device scope, without reading it.
RECUR_DEVICE void add_release(unsigned* counter, unsigned value) {
#if defined(RECUR_SIMT)
  simt::release(counter, simt::MemoryScope::device);
  __atomic_fetch_add(counter, value, __ATOMIC_RELAXED);
  simt::write_through(counter, sizeof(value));
  simt::progress();
#else
  asm volatile("red.release.gpu.global.add.u32 [%0], %1;" ::"l"(counter), "r"(value) : "memory");
#endif
}

// Between two looks at a flag.
RECUR_DEVICE void pause(RECUR_ONLY_WHERE) {
#if defined(RECUR_SIMT)
  __nanosleep(20, where);
#else
  __nanosleep(20);
#endif
}

}  // namespace recur::device
