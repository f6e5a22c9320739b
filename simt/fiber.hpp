/// @file
/// Fibers: stacks, and switching between the scheduler and one of them. Only the scheduler resumes, and a
/// fiber only switches back to it.
#pragma once

#include <cstddef>

#include "simt/sanitizers.hpp"

namespace simt {

/// A stack with a guard page below it. Reused; stacks of ended fibers go on top of a free list.
struct Stack {
  std::byte* bottom;
  std::size_t bytes;
};

class Fiber {
 public:
  Fiber() = default;
  ~Fiber() { end(); }
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  bool started() const { return context_ != nullptr; }
  /// Runs `body(user)` from its start, or from where it left off, until it switches out or returns. Called by
  /// the scheduler. True when the body has returned.
  bool resume(void (*body)(void*), void* user);
  /// Called by the running fiber.
  void switch_out();
  /// Gives the stack back, also of a body that was left in the middle.
  void end();

 private:
  struct Entry;

  void* context_ = nullptr;
  Stack stack_{};
  void (*body_)(void*) = nullptr;
  void* user_ = nullptr;
  bool returned_ = false;
  void* fake_stack_ = nullptr;
  sanitizers::Fiber sanitizer_fiber_ = nullptr;
};

/// Runs `body(user)` to its end, as a thread of its own to the race detector. Called by the scheduler.
void run_apart(void (*body)(void*), void* user);

}  // namespace simt
