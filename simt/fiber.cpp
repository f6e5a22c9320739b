#include "simt/fiber.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <boost/context/detail/fcontext.hpp>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <new>
#include <vector>

namespace simt {
namespace {

namespace context = boost::context::detail;

#if defined(SIMT_ASAN)
constexpr std::size_t kStackBytes = 256u << 10;
#else
constexpr std::size_t kStackBytes = 64u << 10;
#endif
#if defined(SIMT_ASAN) || defined(SIMT_TSAN)
constexpr bool kReusesContexts = false;
#else
constexpr bool kReusesContexts = true;
#endif
constexpr std::size_t kGuardBytes = 4096;
// Stacks at equal distances would fight for the same sets of the cache.
constexpr std::size_t kColours = 61;
constexpr std::size_t kColourBytes = 64;

// A stack that no fiber uses, and the context on it that waits for the next body, where there is one.
struct FreeStack {
  Stack stack;
  context::fcontext_t context;
};

// Leaked on purpose: fibers of static objects may outlive any destructor here.
std::vector<FreeStack>& free_stacks() {
  static auto& stacks = *new std::vector<FreeStack>;
  return stacks;
}
std::vector<std::byte*>& guard_pages() {
  static auto& pages = *new std::vector<std::byte*>;
  return pages;
}

// Ended fibers that ThreadSanitizer still knows: of a forgotten one it can no longer say where it was, and
// then says nothing. It takes 8128 threads in all.
constexpr std::size_t kRemembered = 4000;
void retire(sanitizers::Fiber fiber) {
  static auto& retired = *new std::deque<sanitizers::Fiber>;
  if (fiber == nullptr) return;
  retired.push_back(fiber);
  if (retired.size() <= kRemembered) return;
  sanitizers::destroy_fiber(retired.front());
  retired.pop_front();
}

// The scheduler's side of a switch.
struct Scheduler {
  context::fcontext_t context = nullptr;
  const void* stack_bottom = nullptr;
  std::size_t stack_bytes = 0;
  void* fake_stack = nullptr;
  sanitizers::Fiber sanitizer_fiber = nullptr;
};
Scheduler scheduler;

#if defined(SIMT_ASAN) || defined(SIMT_TSAN)
void watch_guard_pages() {}  // they report it themselves
#else
// A write below a stack hits its guard page: say so before dying of it.
void on_segmentation_fault(int, siginfo_t* info, void*) {
  const auto* address = static_cast<const std::byte*>(info->si_addr);
  for (const std::byte* page : guard_pages()) {
    if (address >= page && address < page + kGuardBytes) {
      static constexpr char kMessage[] = "simt: a thread of a kernel overflowed its stack\n";
      static_cast<void>(!write(STDERR_FILENO, kMessage, sizeof(kMessage) - 1));
      break;
    }
  }
  signal(SIGSEGV, SIG_DFL);
}

void watch_guard_pages() {
  constexpr std::size_t kSignalStackBytes = 64u << 10;
  stack_t stack{};
  stack.ss_sp = ::operator new(kSignalStackBytes);
  stack.ss_size = kSignalStackBytes;
  sigaltstack(&stack, nullptr);
  struct sigaction action {};
  action.sa_sigaction = on_segmentation_fault;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigaction(SIGSEGV, &action, nullptr);
}
#endif

FreeStack take_stack() {
  auto& stacks = free_stacks();
  if (!stacks.empty()) {
    const FreeStack free = stacks.back();
    stacks.pop_back();
#if defined(SIMT_TSAN)
    // Another fiber's locals lay here. Fresh pages are no race, and hide none, as an edge between the two
    // would.
    mmap(free.stack.bottom, kStackBytes, PROT_READ | PROT_WRITE,
         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
#endif
    return free;
  }
  if (guard_pages().empty()) watch_guard_pages();
  void* memory = mmap(nullptr, kStackBytes + kGuardBytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  auto* page = static_cast<std::byte*>(memory);
  // The kernel limits how many mappings a process has; beyond this many, stacks go unguarded.
  constexpr std::size_t kMostGuards = 16384;
  if (guard_pages().size() < kMostGuards) mprotect(page, kGuardBytes, PROT_NONE);
  guard_pages().push_back(page);
  return {{page + kGuardBytes, kStackBytes - guard_pages().size() % kColours * kColourBytes}, nullptr};
}

}  // namespace

struct Fiber::Entry {
  // Never returns: one body after the other, of whatever fiber has the stack. To sanitizers each fiber has a
  // context of its own, and the frame of a body that returned is never resumed.
  __attribute__((no_sanitize("address"))) static void enter(context::transfer_t from) {
    for (;;) {
      scheduler.context = from.fctx;
      Fiber* self = static_cast<Fiber*>(from.data);
      sanitizers::finish_switch(nullptr, &scheduler.stack_bottom, &scheduler.stack_bytes);
      self->body_(self->user_);
      self->returned_ = true;
      sanitizers::start_switch(nullptr, scheduler.stack_bottom, scheduler.stack_bytes);
      sanitizers::switch_to(scheduler.sanitizer_fiber);
      from = context::jump_fcontext(scheduler.context, nullptr);
    }
  }
};

bool Fiber::resume(void (*body)(void*), void* user) {
  if (!started()) {
    body_ = body;
    user_ = user;
    returned_ = false;
    const FreeStack free = take_stack();
    stack_ = free.stack;
    context_ = free.context;
    if (context_ == nullptr) {
      sanitizers::allow(stack_.bottom, stack_.bytes);
      context_ = context::make_fcontext(stack_.bottom + stack_.bytes, stack_.bytes, &Entry::enter);
    }
    sanitizer_fiber_ = sanitizers::create_fiber();
    scheduler.sanitizer_fiber = sanitizers::current_fiber();
  }
  sanitizers::start_switch(&scheduler.fake_stack, stack_.bottom, stack_.bytes);
  sanitizers::switch_to(sanitizer_fiber_);
  const context::transfer_t back = context::jump_fcontext(context_, this);
  sanitizers::finish_switch(scheduler.fake_stack, nullptr, nullptr);
  context_ = back.fctx;
  if (!returned_) return false;
  end();
  return true;
}

void Fiber::switch_out() {
  sanitizers::start_switch(&fake_stack_, scheduler.stack_bottom, scheduler.stack_bytes);
  sanitizers::switch_to(scheduler.sanitizer_fiber);
  const context::transfer_t back = context::jump_fcontext(scheduler.context, nullptr);
  scheduler.context = back.fctx;
  sanitizers::finish_switch(fake_stack_, &scheduler.stack_bottom, &scheduler.stack_bytes);
}

void Fiber::end() {
  if (!started()) return;
  free_stacks().push_back({stack_, kReusesContexts && returned_ ? context_ : nullptr});
  retire(sanitizer_fiber_);
  sanitizer_fiber_ = nullptr;
  context_ = nullptr;
}

void run_apart(void (*body)(void*), void* user) {
#if defined(SIMT_TSAN)
  Fiber fiber;
  fiber.resume(body, user);
#else
  body(user);
#endif
}

}  // namespace simt
