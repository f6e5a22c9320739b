// What a wrapper needs of its surroundings: the caller's place for simt's messages, and what stands where a
// chip lacks an instruction.
#pragma once

#include "kernels/device/platform.cuh"

#if defined(RECUR_SIMT)
// Last, or only, parameter of a wrapper: where it was called.
#define RECUR_WHERE , ::simt::Where where = ::simt::Where::here()
#define RECUR_ONLY_WHERE ::simt::Where where = ::simt::Where::here()
#else
#define RECUR_WHERE
#define RECUR_ONLY_WHERE
#endif

namespace recur::device {

// Stands where code is compiled for a chip that lacks an instruction. Hosts do not launch it there; if one
// does, the launch fails and does not pass for a result.
RECUR_DEVICE void chip_too_old() {
#if defined(RECUR_SIMT) || RECUR_ARCH != 0
  __trap();
#endif
}

#if !defined(RECUR_SIMT)
// The 32-bit address that PTX's shared window wants.
RECUR_DEVICE unsigned shared_address(const void* pointer) {
  return static_cast<unsigned>(__cvta_generic_to_shared(pointer));
}
#endif

// Counted by simt as an access of this lane to its block's shared memory; nothing on a GPU.
template <class E>
RECUR_DEVICE E* noted(E* shared RECUR_WHERE) {
#if defined(RECUR_SIMT)
  simt::note_shared_access(shared, sizeof(E), where);
#endif
  return shared;
}

// The same value, of which the compiler knows nothing: what follows from it is computed again in every turn
// of a loop, and not kept in registers.
RECUR_DEVICE int opaque(int value) {
#if !defined(RECUR_SIMT)
  asm volatile("" : "+r"(value));
#endif
  return value;
}

}  // namespace recur::device
