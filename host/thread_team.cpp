// A team of threads that sleep between calls and spin only briefly before they do.
#include <atomic>
#include <new>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "host/spin.hpp"
#include "recur/context.hpp"
#include "recur/error.hpp"

namespace recur {
namespace {
constexpr int kMaxThreads = 1024;
}

// How a call runs: `run` writes task, user and members, then bumps `epoch` (release). A worker that sees the
// new epoch (acquire) reads them, works if it is a member, and counts `pending` down (release); `run` returns
// once it has seen zero (acquire). Only `run` writes these fields, and never while pending is above zero.
struct ThreadTeam::State {
  alignas(64) std::atomic<std::uint32_t> epoch{0};
  alignas(64) std::atomic<int> pending{0};
  std::atomic<bool> busy{false};
  bool stopping = false;
  int members = 0;
  void (*task)(void*, int) = nullptr;
  void* user = nullptr;
  std::vector<std::thread> workers;

  // Every worker answers every epoch, so that none can still be reading when the next call writes.
  void start_epoch() {
    pending.store(static_cast<int>(workers.size()), std::memory_order_relaxed);
    epoch.fetch_add(1, std::memory_order_release);
    epoch.notify_all();
  }
  void wait_for_workers() {
    host::spin_until([&] { return pending.load(std::memory_order_acquire) == 0; });
    int left = pending.load(std::memory_order_acquire);
    while (left != 0) {
      pending.wait(left, std::memory_order_acquire);
      left = pending.load(std::memory_order_acquire);
    }
  }
  void work(int member) {
    std::uint32_t seen = 0;
    for (;;) {
      host::spin_until([&] { return epoch.load(std::memory_order_acquire) != seen; });
      epoch.wait(seen, std::memory_order_acquire);
      ++seen;
      if (stopping) return;
      if (member < members) task(user, member);
      if (pending.fetch_sub(1, std::memory_order_acq_rel) == 1) pending.notify_one();
    }
  }
  void stop() {
    stopping = true;
    epoch.fetch_add(1, std::memory_order_release);
    epoch.notify_all();
    for (std::thread& worker : workers) worker.join();
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
  if (task == nullptr) throw InvalidArgument("task: expected a function, got null");
  if (state_->busy.exchange(true, std::memory_order_acquire)) {
    throw InvalidArgument("thread team: already running a call");
  }
  state_->members = members;
  state_->task = task;
  state_->user = user;
  if (members > 1) state_->start_epoch();
  task(user, 0);
  if (members > 1) state_->wait_for_workers();
  state_->busy.store(false, std::memory_order_release);
}

}  // namespace recur
