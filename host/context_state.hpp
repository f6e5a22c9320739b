// What stands behind a Context.
#pragma once

#include <atomic>
#include <memory>

#include "host/gpu/resources.hpp"
#include "host/load_policy.hpp"
#include "recur/context.hpp"
#include "recur/error.hpp"

namespace recur {

struct Context::State {
  State(const DeviceProps& props, ThreadTeam* threads)
      : device(props),
        team(threads),
        gpu(props.kind == DeviceKind::cuda && props.cuda.ordinal >= 0
                ? host::gpu::make_resources(props.cuda.ordinal)
                : nullptr) {}

  DeviceProps device;
  ThreadTeam* team;
  std::unique_ptr<host::gpu::Resources> gpu;  // null on the CPU, and on a GPU that is only described
  std::atomic<bool> busy{false};
  host::LoadPolicy load;  // belongs to the call that holds the context

  // Members a call may use.
  int team_size() const { return team == nullptr ? 1 : team->size(); }
};

namespace host {

// Holds a context for the length of a call; a second call at the same moment is refused.
class ContextLock {
 public:
  explicit ContextLock(Context::State& state) : state_(state) {
    if (state_.busy.exchange(true, std::memory_order_acquire)) {
      throw InvalidArgument("context: already in a call; use one context per concurrent call");
    }
  }
  ~ContextLock() { state_.busy.store(false, std::memory_order_release); }
  ContextLock(const ContextLock&) = delete;
  ContextLock& operator=(const ContextLock&) = delete;

 private:
  Context::State& state_;
};

}  // namespace host
}  // namespace recur
