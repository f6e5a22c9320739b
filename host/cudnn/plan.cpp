#include "host/cudnn/plan.hpp"

#include "host/cudnn/arguments.hpp"
#include "host/cudnn/calls.hpp"
#include "host/gpu/planned_device.hpp"
#include "host/hash.hpp"
#include "host/layers/weights.hpp"

namespace recur::host::cudnn {
namespace {

gpu::DeviceResources& resources_of(Context::State& context) {
  return static_cast<gpu::DeviceResources&>(*context.gpu);
}

void copy(void* to, const void* from, std::size_t bytes, gpu::StreamHandle stream) {
  gpu::copy_rows({.to = to, .to_pitch = bytes, .from = from, .from_pitch = bytes, .width = bytes, .rows = 1},
                 stream);
}

// The bytes of a dense view.
std::size_t bytes_of(const ConstTensorView& view) {
  std::size_t bytes = size_of(view.type());
  for (int d = 0; d < view.rank(); ++d) bytes *= static_cast<std::size_t>(view.size(d));
  return bytes;
}

// What a call reads of a state: a copy where its result goes to the same memory, since cuDNN does not say
// whether that may be.
const void* apart_from(const ConstTensorView& state, const ConstTensorView& result, std::byte* copied,
                       gpu::StreamHandle stream) {
  if (!state.given()) return nullptr;
  if (!result.given() || state.data() != result.data()) return state.data();
  copy(copied, state.data(), bytes_of(state), stream);
  return copied;
}

}  // namespace

CudnnPlan::CudnnPlan(const Library& library, const Job& job, Candidate candidate, std::string tile)
    : library_(library),
      spec_(job.spec),
      shape_(job.shape),
      device_(job.device.cuda),
      setup_(candidate.setup),
      weights_(std::move(candidate.weights)),
      spaces_(candidate.spaces) {
  facts_.tile = std::move(tile);
  const auto version = static_cast<std::uint64_t>(library.GetVersion());
  facts_.layout_id = Hash().add("cudnn weights 1").add(version).add(weights_.id()).value();
  facts_.bits_id = Hash()
                       .add("cudnn 1")
                       .add(version)
                       .add(setup_.id())
                       .add(static_cast<std::uint64_t>(device_.compute_major))
                       .add(static_cast<std::uint64_t>(device_.compute_minor))
                       .add(static_cast<std::uint64_t>(device_.multiprocessors))
                       .value();
  facts_.tensor_alignment = 16;  // less cuDNN does not promise to take
  BufferSizes& sizes = facts_.sizes;
  sizes.workspace = ForwardBuffers(nullptr, spaces_, false).carver.bytes();
  if (setup_.training()) {
    sizes.reserve = ReserveBuffer(nullptr, spaces_).carver.bytes();
    sizes.workspace_backward = BackwardBuffers(nullptr, spaces_).carver.bytes();
  } else {
    sizes.workspace_prepared = ForwardBuffers(nullptr, spaces_, true).carver.bytes();
    sizes.prepared_weights = PreparedBuffer(nullptr, spaces_).carver.bytes();
  }
}

Session& CudnnPlan::session_of(Context::State& context) const {
  std::unique_ptr<gpu::EngineState>& state = resources_of(context).engine_state();
  if (state == nullptr) state = std::make_unique<Session>(library_);
  return static_cast<Session&>(*state);
}

// Nothing promises that a smaller call needs no more than a larger one.
void CudnnPlan::check_spaces(Context::State& context, const RunSizes& sizes) const {
  const gpu::DeviceGuard guard(resources_of(context).ordinal());
  Session& session = session_of(context);
  if (sizes.steps == shape_.steps && sizes.batch == shape_.batch) return;
  session.describe_tensors(setup_, sizes, nullptr);
  const TempSpaces temp = session.temp_spaces(setup_, sizes.batch);
  if (temp.work > spaces_.temp.work || temp.reserve > spaces_.temp.reserve) {
    throw Unsupported("x: cuDNN needs more memory for these T and B than for the plan's; plan for them");
  }
}

void CudnnPlan::check_forward(Context::State& context, const ForwardCall& call) const {
  gpu::check_planned_device(context, device_);
  check_arguments(spec_, call.sizes, *call.args);
  if (!call.weights->is_prepared()) layers::check_weight_rows(call.weights->canonical(), most_row_stride());
  check_spaces(context, call.sizes);
}

void CudnnPlan::check_backward(Context::State& context, const BackwardCall& call) const {
  gpu::check_planned_device(context, device_);
  check_arguments(spec_, call.sizes, *call.args);
  layers::check_weight_rows(call.weights, most_row_stride());
  layers::check_weight_rows(call.args->dweights, most_row_stride());
  check_spaces(context, call.sizes);
}

void CudnnPlan::prepare_weights(Context::State& context, Stream stream, std::span<const LayerWeights> weights,
                                std::span<std::byte> buffer) const {
  gpu::check_planned_device(context, device_);
  layers::check_weight_rows(weights, most_row_stride());
  const gpu::DeviceGuard guard(resources_of(context).ordinal());
  weights_.pack(weights, PreparedBuffer(buffer.data(), spaces_).weights, stream.native());
}

void CudnnPlan::forward(Context::State& context, const ForwardCall& call) const {
  const gpu::DeviceGuard guard(resources_of(context).ordinal());
  Session& session = session_of(context);
  auto* const stream = call.stream.native();
  session.set_stream(stream);
  session.describe_tensors(setup_, call.sizes, spec_.variable_lengths ? call.args->host_lengths : nullptr);

  const ForwardBuffers buffers(call.workspace.data(), spaces_, call.weights->is_prepared());
  const ForwardArgs& args = *call.args;
  ForwardTensors tensors{};
  tensors.x = args.x.data();
  tensors.h0 = apart_from(args.h0, args.hN, buffers.h0, stream);
  tensors.c0 = apart_from(args.c0, args.cN, buffers.c0, stream);
  tensors.y = args.y.data();
  tensors.hN = args.hN.data();
  tensors.cN = args.cN.data();
  if (call.weights->is_prepared()) {
    auto* buffer = static_cast<std::byte*>(const_cast<void*>(call.weights->prepared().data));
    tensors.weights = PreparedBuffer(buffer, spaces_).weights;
  } else {
    weights_.pack(call.weights->canonical(), buffers.weights, stream);
    tensors.weights = buffers.weights;
  }
  tensors.work = buffers.work;
  session.start_dropout(setup_, call.sizes.batch, buffers.dropout, args.dropout_seed);
  if (setup_.training()) tensors.reserve = ReserveBuffer(call.reserve.data(), spaces_).reserve;
  call_forward(session, setup_, spaces_, call.sizes.batch, tensors);
}

void CudnnPlan::backward(Context::State& context, const BackwardCall& call) const {
  const gpu::DeviceGuard guard(resources_of(context).ordinal());
  Session& session = session_of(context);
  auto* const stream = call.stream.native();
  session.set_stream(stream);
  session.describe_tensors(setup_, call.sizes, spec_.variable_lengths ? call.args->host_lengths : nullptr);

  const BackwardBuffers buffers(call.workspace.data(), spaces_);
  const BackwardArgs& args = *call.args;
  BackwardTensors tensors{};
  tensors.x = args.x.data();
  tensors.h0 = args.h0.data();
  tensors.c0 = args.c0.data();
  tensors.y = args.y.data();
  tensors.dhN = apart_from(args.dhN, args.dh0, buffers.dhN, stream);
  tensors.dcN = apart_from(args.dcN, args.dc0, buffers.dcN, stream);
  tensors.dx = args.dx.given() ? args.dx.data() : buffers.dx;
  tensors.dh0 = args.dh0.data();
  tensors.dc0 = args.dc0.data();
  tensors.dy = args.dy.data();
  if (!args.dy.given()) {
    gpu::clear(buffers.dy, spaces_.outputs, stream);
    tensors.dy = buffers.dy;
  }
  weights_.pack(call.weights, buffers.weights, stream);
  tensors.weights = buffers.weights;
  tensors.work = buffers.work;
  auto* reserve = const_cast<std::byte*>(call.reserve.data());
  copy(buffers.reserve, ReserveBuffer(reserve, spaces_).reserve, spaces_.temp.reserve, stream);
  tensors.reserve = buffers.reserve;
  session.resume_dropout(setup_, call.sizes.batch, buffers.dropout);
  call_backward_data(session, setup_, spaces_, call.sizes.batch, tensors);
  if (args.dweights.empty()) return;

  // cuDNN adds to what is there.
  if (args.mode == GradientMode::accumulate) {
    weights_.pack(args.dweights, buffers.dweights, stream);
  } else {
    gpu::clear(buffers.dweights, spaces_.weights, stream);
  }
  tensors.dweights = buffers.dweights;
  call_backward_weights(session, setup_, spaces_, call.sizes.batch, tensors);
  weights_.unpack(buffers.dweights, args.dweights, stream);
}

}  // namespace recur::host::cudnn
