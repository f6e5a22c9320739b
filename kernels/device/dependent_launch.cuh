// Kernels that start before the kernel before them on the stream has ended (LaunchConfig::dependent, from sm_90
// on). Such a kernel may read at once what was there before that other kernel started, and must wait before it
// touches anything else. On older chips it starts when the other has ended, and waits for nothing.
#pragma once

#include "kernels/device/arch.cuh"

namespace recur::device {

// Returns when the kernel before this one has ended, with all that it wrote.
RECUR_DEVICE void wait_for_kernel_before() {
#if defined(RECUR_SIMT)
  simt::wait_for_node_before();
#elif RECUR_ARCH >= 90
  asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}

// Lets the kernel after this one start, once all blocks have come here. What this one writes before or after,
// the other one sees when it has waited.
RECUR_DEVICE void let_kernel_after_start() {
#if !defined(RECUR_SIMT) && RECUR_ARCH >= 90
  asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
#endif
}

}  // namespace recur::device
