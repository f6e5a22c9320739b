// Loads that pass the first-level cache by.
#pragma once

#include "kernels/device/arch.cuh"

namespace recur::device {

// 16 bytes of global memory as the second-level cache has them.
RECUR_DEVICE uint4 load_from_l2(const uint4* from) {
#if defined(RECUR_SIMT)
  return *from;
#else
  uint4 value;
  asm volatile("ld.global.cg.v4.u32 {%0, %1, %2, %3}, [%4];"
               : "=r"(value.x), "=r"(value.y), "=r"(value.z), "=r"(value.w)
               : "l"(from)
               : "memory");
  return value;
#endif
}

}  // namespace recur::device
