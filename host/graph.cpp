#include "recur/graph.hpp"

#include "host/context_state.hpp"
#include "host/out_of_memory.hpp"

namespace recur {

struct GraphRun::State {
  std::unique_ptr<host::gpu::Recording> recording;
};

namespace {

// Records what call(stream) puts on its stream.
template <class Call>
std::unique_ptr<host::gpu::Recording> record(const Plan& plan, Context& context, Call call) {
  if (plan.device().kind != DeviceKind::cuda) {
    throw Unsupported("graph: expected a plan on a CUDA device, got one on " + plan.device().name);
  }
  // Without resources the call itself is refused, with the reason.
  if (context.state().gpu == nullptr) {
    call(Stream());
    throw Unsupported("graph: the context has no CUDA device");
  }
  return host::with_memory("graph", [&] {
    return context.state().gpu->record([](void* user, Stream stream) { (*static_cast<Call*>(user))(stream); },
                                       &call);
  });
}

}  // namespace

GraphRun::GraphRun(std::unique_ptr<State> state) : state_(std::move(state)) {}
GraphRun::GraphRun(GraphRun&& other) noexcept = default;
GraphRun& GraphRun::operator=(GraphRun&& other) noexcept = default;
GraphRun::~GraphRun() = default;

GraphRun GraphRun::forward(const Plan& plan, Context& context, const Weights& weights,
                           const ForwardArgs& args, std::span<std::byte> workspace,
                           std::span<std::byte> reserve) {
  return GraphRun(std::make_unique<State>(State{record(plan, context, [&](Stream stream) {
    recur::forward(plan, context, stream, weights, args, workspace, reserve);
  })}));
}

GraphRun GraphRun::generate(const Plan& plan, Context& context, const Weights& weights,
                            const GenerateArgs& args, std::span<std::byte> workspace) {
  return GraphRun(std::make_unique<State>(State{record(plan, context, [&](Stream stream) {
    recur::generate(plan, context, stream, weights, args, workspace);
  })}));
}

GraphRun GraphRun::backward(const Plan& plan, Context& context, std::span<const LayerWeights> weights,
                            const BackwardArgs& args, std::span<const std::byte> reserve,
                            std::span<std::byte> workspace) {
  return GraphRun(std::make_unique<State>(State{record(plan, context, [&](Stream stream) {
    recur::backward(plan, context, stream, weights, args, reserve, workspace);
  })}));
}

void GraphRun::launch(Stream stream) { state_->recording->launch(stream); }

}  // namespace recur
