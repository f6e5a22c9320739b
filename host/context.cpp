#include "recur/context.hpp"

#include "host/context_state.hpp"

namespace recur {

Context::Context(const Device& device, ThreadTeam* team)
    : state_(std::make_unique<State>(device.props(), team)) {}

Context::~Context() = default;

const DeviceProps& Context::device() const { return state_->device; }

}  // namespace recur
