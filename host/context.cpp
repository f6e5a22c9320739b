#include "recur/context.hpp"

#include "host/context_state.hpp"
#include "host/out_of_memory.hpp"

namespace recur {

Context::Context(const Device& device, ThreadTeam* team)
    : state_(host::with_memory("context", [&] { return std::make_unique<State>(device.props(), team); })) {}

Context::~Context() = default;

const DeviceProps& Context::device() const { return state_->device; }

}  // namespace recur
