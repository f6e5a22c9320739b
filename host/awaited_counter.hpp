// A counter that threads wait for: they poll it for some microseconds and then sleep until it changes.
#pragma once

#if defined(__linux__)
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bit>
#include <climits>
#endif

#include <atomic>
#include <chrono>
#include <cstdint>

namespace recur::host {

inline void relax_cpu() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Nanoseconds of a clock that never goes back.
inline std::int64_t now_nanoseconds() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

// Before a waiting thread sleeps. A pause takes 5 to 25 ns: these are 10 to 50 us, about what falling asleep
// and being woken costs.
constexpr int kPolls = 2000;

// Returns whether the condition came true.
template <class Condition>
bool spin_until(Condition&& condition, int polls = kPolls) {
  for (int i = 0; i < polls; ++i) {
    if (condition()) return true;
    relax_cpu();
  }
  return condition();
}

// What one thread adds to the counter (`add`, then `wake_sleepers` if that is what others wait for) is
// ordered before what others do after `wait` has seen it. Nobody sleeps past it:
//
//   waiting thread W                        adding thread A
//   w1  sleepers += 1      (seq_cst)        a1  value += n             (seq_cst)
//   w2  reads value        (seq_cst)        a2  reads sleepers         (seq_cst)
//   w3  sleeps if value is what w2 read     a3  wakes all if a2 read > 0
//
// All of w1, w2, a1 and a2 have one order.
//
//   order        | W                                       | A                         | outcome
//   a1 before w2 | w2 reads the new value                  | any                       | W does not sleep
//   w2 before a1 | w2 reads the old value, w1 came earlier | a2 follows a1: reads W    | A wakes all
//
// In the second row, w3 is one operation of the system with a3: either W sleeps before a3, which wakes it, or
// the system sees that the value is no longer what w2 read, and W does not sleep. A thread that adds pays for
// the system only if somebody sleeps, and on x86 a2 is a plain load: a1 is a locked operation in any case.
//
// std::atomic's wait and notify_all promise the same. libstdc++ 12 yields the processor four times before it
// sleeps, which beside a busy thread is four time slices, and counts the sleepers of several addresses in one
// place, so that a notification may call the system for somebody else's.
class alignas(64) AwaitedCounter {
 public:
  explicit AwaitedCounter(int polls = kPolls) : polls_(polls) {}
  void set_polls(int polls) { polls_ = polls; }

  std::uint64_t value() const { return value_.load(std::memory_order_acquire); }
  // Returns the value before.
  std::uint64_t add(std::uint64_t n) { return value_.fetch_add(n, std::memory_order_seq_cst); }
  void wake_sleepers() {
    if (sleepers_.load(std::memory_order_seq_cst) != 0) wake_all();
  }

  // Returns once the value is `least` or more. The result is the nanoseconds that it took after the first
  // quarter of the polls, 0 if that was enough: a wait that goes as it should costs no look at the clock.
  std::int64_t wait_for(std::uint64_t least) {
    const auto reached = [&] { return value() >= least; };
    if (spin_until(reached, polls_ / 4)) return 0;
    const std::int64_t begin = now_nanoseconds();
    if (!spin_until(reached, polls_ - polls_ / 4)) sleep_until(least);
    return now_nanoseconds() - begin;
  }

 private:
  void sleep_until(std::uint64_t least) {
    sleepers_.fetch_add(1, std::memory_order_seq_cst);
    for (;;) {
      const std::uint64_t seen = value_.load(std::memory_order_seq_cst);
      if (seen >= least) break;
      sleep_while(seen);
    }
    sleepers_.fetch_sub(1, std::memory_order_relaxed);
  }

#if defined(__linux__)
  // The system compares 32 bits: the low ones, as a value that is 2^32 further on cannot come while a thread
  // that it needs is here.
  std::uint32_t* low_bits() {
    static_assert(sizeof(value_) == 8 && std::atomic<std::uint64_t>::is_always_lock_free);
    return reinterpret_cast<std::uint32_t*>(&value_) + (std::endian::native == std::endian::big ? 1 : 0);
  }
  void sleep_while(std::uint64_t seen) {
    syscall(SYS_futex, low_bits(), FUTEX_WAIT_PRIVATE, static_cast<std::uint32_t>(seen), nullptr, nullptr, 0);
  }
  void wake_all() { syscall(SYS_futex, low_bits(), FUTEX_WAKE_PRIVATE, INT_MAX, nullptr, nullptr, 0); }
#else
  void sleep_while(std::uint64_t seen) { value_.wait(seen, std::memory_order_seq_cst); }
  void wake_all() { value_.notify_all(); }
#endif

  std::atomic<std::uint64_t> value_{0};
  std::atomic<std::uint32_t> sleepers_{0};
  int polls_;
};

}  // namespace recur::host
