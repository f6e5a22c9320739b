// A team of threads that sleep between calls and spin only briefly before they do.
#include <unistd.h>

#include <atomic>
#include <new>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "host/awaited_counter.hpp"
#include "host/process_mark.hpp"
#include "recur/context.hpp"
#include "recur/error.hpp"

namespace recur {
namespace {
constexpr int kMaxThreads = 1024;
}

// How a call runs: `run` writes task, user and members, then counts `calls` up. A worker that sees the new
// count reads them, works if it is a member, and counts `answers` up; `run` returns once it has seen the
// answers of all. Only `run` writes these fields, and never while an answer is missing.
struct ThreadTeam::State {
  host::AwaitedCounter calls;
  host::AwaitedCounter answers;
  const host::ProcessMark mark;
  std::atomic<bool> busy{false};
  bool stopping = false;
  int members = 0;
  void (*task)(void*, int) = nullptr;
  void* user = nullptr;
  std::vector<std::thread> workers;

  std::uint64_t answers_to(std::uint64_t call) const { return call * workers.size(); }

  // Every worker answers every call, so that none can still be reading when the next call writes.
  std::uint64_t start_call() {
    const std::uint64_t call = calls.add(1) + 1;
    calls.wake_sleepers();
    return call;
  }
  void work(int member) {
    for (std::uint64_t call = 1;; ++call) {
      calls.wait_for(call);
      if (stopping) return;
      if (member < members) task(user, member);
      if (answers.add(1) + 1 == answers_to(call)) answers.wake_sleepers();
    }
  }
  void stop() {
    // A child of fork has the threads' names and no threads: there is nobody to join, and no destructor of a
    // joinable std::thread may run.
    if (!mark.in_that_process()) {
      for (std::thread& worker : workers) new (&worker) std::thread();
      return;
    }
    stopping = true;
    start_call();
    for (std::thread& worker : workers) worker.join();
  }
  void check_process() const {
    if (workers.empty() || mark.in_that_process()) return;
    throw InvalidArgument("thread team: made in process " + std::to_string(mark.process()) +
                          ", used in process " + std::to_string(getpid()) +
                          ": a child of fork has no threads of its parent");
  }
};

ThreadTeam::ThreadTeam(int threads) {
  if (threads < 1 || threads > kMaxThreads) {
    throw InvalidArgument("threads: expected 1 to " + std::to_string(kMaxThreads) + ", got " +
                          std::to_string(threads));
  }
  try {
    state_ = std::make_unique<State>();
    state_->workers.reserve(static_cast<std::size_t>(threads - 1));
    for (int member = 1; member < threads; ++member) {
      state_->workers.emplace_back([state = state_.get(), member] { state->work(member); });
    }
  } catch (const std::bad_alloc&) {
    if (state_) state_->stop();
    throw OutOfMemory("thread team: no memory for " + std::to_string(threads) + " threads");
  } catch (const std::system_error& error) {
    const std::size_t started = state_->workers.size();
    state_->stop();
    throw OutOfMemory("thread team: the system gave " + std::to_string(started + 1) + " of " +
                      std::to_string(threads) + " threads: " + error.what());
  }
}

ThreadTeam::~ThreadTeam() { state_->stop(); }

int ThreadTeam::size() const { return static_cast<int>(state_->workers.size()) + 1; }

void ThreadTeam::run(int members, void (*task)(void* user, int member), void* user) {
  if (members < 1 || members > size()) {
    throw InvalidArgument("members: expected 1 to " + std::to_string(size()) + ", got " +
                          std::to_string(members));
  }
  state_->check_process();
  if (task == nullptr) throw InvalidArgument("task: expected a function, got null");
  if (state_->busy.exchange(true, std::memory_order_acquire)) {
    throw InvalidArgument("thread team: already running a call");
  }
  state_->members = members;
  state_->task = task;
  state_->user = user;
  if (members == 1) {
    task(user, 0);
  } else {
    const std::uint64_t call = state_->start_call();
    task(user, 0);
    state_->answers.wait_for(state_->answers_to(call));
  }
  state_->busy.store(false, std::memory_order_release);
}

}  // namespace recur
