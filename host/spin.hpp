// Waiting that expects to be short.
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>

namespace recur::host {

inline void relax_cpu() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Polls for some microseconds; returns whether the condition came true.
template <class Condition>
bool spin_until(Condition&& condition) {
  constexpr int kPolls = 2000;
  for (int i = 0; i < kPolls; ++i) {
    if (condition()) return true;
    relax_cpu();
  }
  return condition();
}

// A barrier for threads that arrive within a step of each other. The last to arrive opens it by bumping the
// generation (release); the others poll for that (acquire), and give their core away if it takes long.
class alignas(64) SpinBarrier {
 public:
  void init(int members) { members_ = members; }

  void wait() {
    if (members_ <= 1) return;
    const std::uint32_t generation = generation_.load(std::memory_order_acquire);
    if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == members_) {
      arrived_.store(0, std::memory_order_relaxed);
      generation_.store(generation + 1, std::memory_order_release);
      return;
    }
    const auto opened = [&] { return generation_.load(std::memory_order_acquire) != generation; };
    while (!spin_until(opened)) std::this_thread::yield();
  }

 private:
  std::atomic<int> arrived_{0};
  std::atomic<std::uint32_t> generation_{0};
  int members_ = 1;
};

}  // namespace recur::host
