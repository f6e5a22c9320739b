/// @file
/// What the sanitizers must be told of fibers. SIMT_ASAN and SIMT_TSAN are defined by the build; without them
/// all of this is empty. The runtime itself is never compiled with -fsanitize=thread: its own bookkeeping
/// between fibers would be reported as races of the kernel, and entry hooks would be unbalanced at a switch.
#pragma once

#include <cstddef>

#if defined(SIMT_ASAN)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

#if defined(SIMT_TSAN)
extern "C" {
void* __tsan_get_current_fiber();
void* __tsan_create_fiber(unsigned flags);
void __tsan_destroy_fiber(void* fiber);
void __tsan_switch_to_fiber(void* fiber, unsigned flags);
void __tsan_acquire(void* address);
void __tsan_release(void* address);
void AnnotateIgnoreReadsBegin(const char* file, int line);
void AnnotateIgnoreReadsEnd(const char* file, int line);
void AnnotateIgnoreWritesBegin(const char* file, int line);
void AnnotateIgnoreWritesEnd(const char* file, int line);
}
#endif

namespace simt::sanitizers {

#if defined(SIMT_TSAN)
inline constexpr unsigned kNoSynchronisation = 1;  // a switch is no happens-before edge

using Fiber = void*;
inline Fiber current_fiber() { return __tsan_get_current_fiber(); }
// Knows all that its creator knows.
inline Fiber create_fiber() { return __tsan_create_fiber(0); }
inline void destroy_fiber(Fiber fiber) {
  if (fiber != nullptr) __tsan_destroy_fiber(fiber);
}
inline void switch_to(Fiber fiber) { __tsan_switch_to_fiber(fiber, kNoSynchronisation); }
inline void release(const void* tag) { __tsan_release(const_cast<void*>(tag)); }
inline void acquire(const void* tag) { __tsan_acquire(const_cast<void*>(tag)); }

// The library calls of the runtime (malloc, memmove) are intercepted even though it is not instrumented.
class Quiet {
 public:
  Quiet() {
    AnnotateIgnoreReadsBegin(__FILE__, __LINE__);
    AnnotateIgnoreWritesBegin(__FILE__, __LINE__);
  }
  ~Quiet() {
    AnnotateIgnoreWritesEnd(__FILE__, __LINE__);
    AnnotateIgnoreReadsEnd(__FILE__, __LINE__);
  }
  Quiet(const Quiet&) = delete;
  Quiet& operator=(const Quiet&) = delete;
};
#else
using Fiber = void*;
inline Fiber current_fiber() { return nullptr; }
inline Fiber create_fiber() { return nullptr; }
inline void destroy_fiber(Fiber) {}
inline void switch_to(Fiber) {}
inline void release(const void*) {}
inline void acquire(const void*) {}
class Quiet {
 public:
  Quiet() {}  // NOLINT(modernize-use-equals-default): not trivial, so that an unused one is no warning
};
#endif

#if defined(SIMT_ASAN)
inline void start_switch(void** fake_stack, const void* bottom, std::size_t size) {
  __sanitizer_start_switch_fiber(fake_stack, bottom, size);
}
inline void finish_switch(void* fake_stack, const void** bottom, std::size_t* size) {
  __sanitizer_finish_switch_fiber(fake_stack, bottom, size);
}
inline void forbid(const void* address, std::size_t bytes) { __asan_poison_memory_region(address, bytes); }
inline void allow(const void* address, std::size_t bytes) { __asan_unpoison_memory_region(address, bytes); }
#else
inline void start_switch(void**, const void*, std::size_t) {}
inline void finish_switch(void*, const void**, std::size_t*) {}
inline void forbid(const void*, std::size_t) {}
inline void allow(const void*, std::size_t) {}
#endif

}  // namespace simt::sanitizers
