// The C interface: every function converts, calls the C++ one, and turns what it throws into a code and a
// message.
#include <algorithm>
#include <cstring>
#include <limits>
#include <new>
#include <optional>

#include "host/c/convert.hpp"
#include "recur/memory.hpp"

namespace c = recur::host::c;

struct recur_device {
  recur::Device device;
};
struct recur_thread_team {
  explicit recur_thread_team(int threads) : team(threads) {}
  recur::ThreadTeam team;
};
struct recur_context {
  recur_context(const recur::Device& device, recur::ThreadTeam* team) : context(device, team) {}
  recur::Context context;
};
struct recur_plan {
  recur::Plan plan;
};
struct recur_graph {
  recur::GraphRun graph;
};

namespace {

// Each enumeration of the header has the numbers of the library's.
static_assert(RECUR_U8 == static_cast<int>(recur::DataType::u8) &&
              RECUR_LSTM == static_cast<int>(recur::Cell::lstm) &&
              RECUR_RNN_RELU == static_cast<int>(recur::RnnActivation::relu) &&
              RECUR_RESET_BEFORE == static_cast<int>(recur::GruReset::before) &&
              RECUR_BIAS_BOTH == static_cast<int>(recur::Bias::both) &&
              RECUR_BIDIRECTIONAL == static_cast<int>(recur::Direction::bidirectional) &&
              RECUR_BATCH_MAJOR == static_cast<int>(recur::Layout::batch_major) &&
              RECUR_TRAINING == static_cast<int>(recur::Pass::training) &&
              RECUR_ENGINE_STEPWISE == static_cast<int>(recur::EngineId::stepwise) &&
              RECUR_ENGINE_ONEDNN == static_cast<int>(recur::EngineId::onednn) &&
              RECUR_ENGINE_FUSED == static_cast<int>(recur::EngineId::fused) &&
              RECUR_CUDNN_FASTEST == static_cast<int>(recur::CudnnAlgorithm::fastest) &&
              RECUR_ACTIVATION_SOFTPLUS == static_cast<int>(recur::Activation::softplus) &&
              RECUR_WEIGHTS_MADMOM == static_cast<int>(recur::WeightFormat::madmom) &&
              RECUR_DEVICE_CUDA == static_cast<int>(recur::DeviceKind::cuda) &&
              RECUR_DEVICE_ERROR == static_cast<int>(recur::ErrorCode::device_error));

recur_status report(recur_error* error, recur_status code, const char* message) noexcept {
  if (error != nullptr) {
    error->code = code;
    const std::size_t length = std::min(std::strlen(message), sizeof(error->message) - 1);
    std::memcpy(error->message, message, length);
    error->message[length] = 0;
  }
  return code;
}

// The status of a call that may throw.
template <class F>
recur_status guarded(recur_error* error, F&& call) noexcept {
  try {
    call();
    return report(error, RECUR_SUCCESS, "");
  } catch (const recur::Error& thrown) {
    return report(error, static_cast<recur_status>(thrown.code()), thrown.what());
  } catch (const std::bad_alloc&) {
    return report(error, RECUR_OUT_OF_MEMORY, "out of memory");
  } catch (const std::length_error&) {
    return report(error, RECUR_OUT_OF_MEMORY, "out of memory: a size beyond what can be addressed");
  } catch (const std::exception& thrown) {
    return report(error, RECUR_INTERNAL_ERROR, thrown.what());
  } catch (...) {
    return report(error, RECUR_INTERNAL_ERROR, "unknown exception");
  }
}

// *out = new Handle, or null where that throws.
template <class Handle, class F>
recur_status create(Handle** out, recur_error* error, F&& make) noexcept {
  if (out != nullptr) *out = nullptr;
  return guarded(error, [&] {
    c::checked(out, "out");
    *out = make();
  });
}

// Zeros and the struct's size, of as much of it as the caller has.
template <class E>
void init(E* to, std::size_t size, E defaults = E{}) {
  if (to == nullptr || size < sizeof(std::size_t)) return;
  defaults.struct_size = size;
  std::memset(static_cast<void*>(to), 0, size);
  std::memcpy(static_cast<void*>(to), &defaults, std::min(size, sizeof(E)));
}

// What a graph or a call runs with: the weights' views must outlive it.
class WeightsArgument {
 public:
  explicit WeightsArgument(const recur_weights* from) {
    const recur_weights& weights = c::checked(from, "weights");
    if (weights.prepared.data != nullptr) {
      prepared_ = {weights.prepared.data, weights.prepared.bytes, weights.prepared.layout_id};
    } else {
      layers_.emplace(weights.layers, weights.layer_count, "weights");
    }
  }
  recur::Weights get() const {
    if (prepared_) return recur::Weights(*prepared_);
    return recur::Weights(layers_->span());
  }

 private:
  std::optional<c::WeightLayers> layers_;
  std::optional<recur::PreparedWeights> prepared_;
};

recur::Stream stream_of(void* native) { return recur::Stream::from_native(native); }

void log_line(void* user, std::string_view line) {
  const auto* const options = static_cast<const recur_options*>(user);
  options->log(options->log_user, std::string(line).c_str());
}

// Options with the caller's log, which speaks C.
recur::Options options_with_log(const recur_options* from, recur_options& kept) {
  recur::Options options = c::options_of(from);
  if (from == nullptr) return options;
  recur_options_init(&kept);
  std::memcpy(&kept, from, from->struct_size);  // checked by options_of
  if (kept.log != nullptr) options.log = {log_line, &kept};
  return options;
}

// A conversion of one layer from another library's tensors, or to them.
template <class Import>
recur_status import_with(Import&& import, int32_t format, const recur_spec* spec, int64_t layer,
                         const recur_tensor* from, int64_t count, const recur_layer_weights* to,
                         recur_error* error) {
  return guarded(error, [&] {
    const std::vector<recur::TensorView> views = c::views_of(c::checked_span(from, count, "from"), "from");
    const std::vector<recur::ConstTensorView> read(views.begin(), views.end());
    import(c::format_of(format), c::spec_of(spec), layer, read, c::layer_of(c::checked(to, "to")));
  });
}
template <class Export>
recur_status export_with(Export&& export_to, int32_t format, const recur_spec* spec, int64_t layer,
                         const recur_layer_weights* from, const recur_tensor* to, int64_t count,
                         recur_error* error) {
  return guarded(error, [&] {
    const c::WeightLayers weights(&c::checked(from, "from"), 1, "from");
    export_to(c::format_of(format), c::spec_of(spec), layer, weights.span().front(),
              c::views_of(c::checked_span(to, count, "to"), "to"));
  });
}

}  // namespace

extern "C" {

int32_t recur_version(void) { return RECUR_VERSION; }

int32_t recur_prefer_huge_pages(void* memory, std::size_t bytes) {
  return recur::prefer_huge_pages({static_cast<std::byte*>(memory), bytes}) ? 1 : 0;
}

const char* recur_status_name(recur_status status) {
  switch (status) {
    case RECUR_SUCCESS: return "success";
    case RECUR_INVALID_ARGUMENT: return "invalid_argument";
    case RECUR_UNSUPPORTED: return "unsupported";
    case RECUR_OUT_OF_MEMORY: return "out_of_memory";
    case RECUR_FORMAT_ERROR: return "format_error";
    case RECUR_DEVICE_ERROR: return "device_error";
    case RECUR_INTERNAL_ERROR: return "internal_error";
    default: return "unknown status";
  }
}

const char* recur_engine_name(int32_t engine) {
  if (engine < 0 || engine > RECUR_ENGINE_FUSED) return "unknown engine";
  return recur::name_of(static_cast<recur::EngineId>(engine)).data();  // of a literal, which ends in 0
}

const char* recur_engine_status(int32_t engine) {
  if (engine < 0 || engine > RECUR_ENGINE_FUSED) return "unknown engine";
  return recur::status_of(static_cast<recur::EngineId>(engine)).data();
}

void recur_spec_init_sized(recur_spec* spec, size_t struct_size) {
  init(spec, struct_size, c::to_c(recur::Spec{}));
}
void recur_options_init_sized(recur_options* options, size_t struct_size) {
  init(options, struct_size, c::to_c(recur::Options{}));
}
void recur_rates_init_sized(recur_rates* rates, size_t struct_size) {
  recur_rates defaults = {};
  defaults.threads = recur::Rates{}.threads;
  init(rates, struct_size, defaults);
}
void recur_device_props_init_sized(recur_device_props* props, size_t struct_size) {
  const recur::CpuProps from;
  recur_device_props defaults = {};
  defaults.cpu_cores = from.cores;
  defaults.cpu_l1d_bytes = from.l1d_bytes;
  defaults.cpu_l2_bytes = from.l2_bytes;
  defaults.cpu_l3_bytes = from.l3_bytes;
  defaults.cuda_most_cluster = recur::CudaProps{}.most_cluster;
  init(props, struct_size, defaults);
}
void recur_forward_args_init_sized(recur_forward_args* args, size_t struct_size) { init(args, struct_size); }
void recur_step_args_init_sized(recur_step_args* args, size_t struct_size) { init(args, struct_size); }
void recur_generate_args_init_sized(recur_generate_args* args, size_t struct_size) {
  init(args, struct_size);
}
void recur_backward_args_init_sized(recur_backward_args* args, size_t struct_size) {
  init(args, struct_size);
}
void recur_state_dict_options_init_sized(recur_state_dict_options* options, size_t struct_size) {
  recur_state_dict_options defaults = {};
  defaults.strict = recur::StateDictOptions{}.strict ? 1 : 0;
  init(options, struct_size, defaults);
}
void recur_onnx_attributes_init_sized(recur_onnx_attributes* attributes, size_t struct_size) {
  init(attributes, struct_size);
}
void recur_onnx_inputs_init_sized(recur_onnx_inputs* inputs, size_t struct_size) {
  init(inputs, struct_size);
}
void recur_onnx_outputs_init_sized(recur_onnx_outputs* outputs, size_t struct_size) {
  init(outputs, struct_size);
}
void recur_onnx_layer_init_sized(recur_onnx_layer* layer, size_t struct_size) { init(layer, struct_size); }

recur_tensor recur_tensor_dense(void* data, int32_t dtype, int32_t rank, const int64_t* shape) {
  recur_tensor tensor = {};
  if (rank < 1 || rank > 4 || shape == nullptr) return tensor;
  tensor.data = data;
  tensor.dtype = dtype;
  tensor.rank = rank;
  uint64_t stride = 1;  // absurd sizes wrap, and are refused where the tensor is used
  for (int32_t d = rank - 1; d >= 0; --d) {
    tensor.shape[d] = shape[d];
    tensor.strides[d] = static_cast<int64_t>(stride);
    stride *= static_cast<uint64_t>(shape[d]);
  }
  return tensor;
}

recur_status recur_device_cpu(recur_device** out, recur_error* error) {
  return create(out, error, [] { return new recur_device{recur::Device::cpu()}; });
}
recur_status recur_device_cuda(int32_t index, recur_device** out, recur_error* error) {
  return create(out, error, [&] { return new recur_device{recur::Device::cuda(index)}; });
}
recur_status recur_device_from_props(const recur_device_props* props, recur_device** out,
                                     recur_error* error) {
  return create(out, error, [&] { return new recur_device{recur::Device::from_props(c::props_of(props))}; });
}
recur_status recur_device_known(const char* name, recur_device** out, recur_error* error) {
  return create(out, error,
                [&] { return new recur_device{recur::Device::known(&c::checked(name, "name"))}; });
}
recur_status recur_device_read_rates(recur_device* device, const char* json, std::size_t bytes,
                                     int32_t threads, recur_error* error) {
  return guarded(error, [&] {
    recur::Device& known = c::checked(device, "device").device;
    recur::DeviceProps props = known.props();
    props.rates = recur::read_rates({&c::checked(json, "json"), bytes}, threads);
    known = recur::Device::from_props(std::move(props));
  });
}
void recur_device_free(recur_device* device) { delete device; }

recur_status recur_thread_team_create(int32_t threads, recur_thread_team** out, recur_error* error) {
  return create(out, error, [&] { return new recur_thread_team(threads); });
}
void recur_thread_team_free(recur_thread_team* team) { delete team; }

recur_status recur_context_create(const recur_device* device, recur_thread_team* team, recur_context** out,
                                  recur_error* error) {
  return create(out, error, [&] {
    return new recur_context(c::checked(device, "device").device, team == nullptr ? nullptr : &team->team);
  });
}
void recur_context_free(recur_context* context) { delete context; }

recur_status recur_plan_create(const recur_spec* spec, int64_t steps, int64_t batch,
                               const recur_device* device, const recur_options* options, recur_plan** out,
                               recur_error* error) {
  return create(out, error, [&] {
    recur_options kept;
    const recur::Options wishes = options_with_log(options, kept);
    recur::Plan plan =
        recur::make_plan(c::spec_of(spec), {steps, batch}, c::checked(device, "device").device, wishes);
    return new recur_plan{std::move(plan)};
  });
}
void recur_plan_free(recur_plan* plan) { delete plan; }

recur_status recur_survey_engines(const recur_spec* spec, int64_t steps, int64_t batch,
                                  const recur_device* device, const recur_options* options,
                                  void (*each)(void* user, int32_t engine, const char* reason), void* user,
                                  recur_error* error) {
  return guarded(error, [&] {
    c::checked(each, "each");
    const auto engines = recur::survey_engines(c::spec_of(spec), {steps, batch},
                                               c::checked(device, "device").device, c::options_of(options));
    for (const recur::PassedOver& one : engines)
      each(user, static_cast<int32_t>(one.engine), one.reason.c_str());
  });
}

int32_t recur_plan_engine(const recur_plan* plan) {
  return plan == nullptr ? RECUR_ENGINE_BEST : static_cast<int32_t>(plan->plan.engine());
}
recur_buffer_sizes recur_plan_sizes(const recur_plan* plan) {
  if (plan == nullptr) return {};
  const recur::BufferSizes& sizes = plan->plan.sizes();
  return {sizes.workspace, sizes.workspace_prepared, sizes.workspace_backward, sizes.reserve,
          sizes.prepared_weights};
}
int32_t recur_plan_threads(const recur_plan* plan) { return plan == nullptr ? 0 : plan->plan.threads(); }
double recur_plan_resident_fraction(const recur_plan* plan) {
  return plan == nullptr ? 0 : plan->plan.resident_fraction();
}
double recur_plan_predicted_seconds(const recur_plan* plan) {
  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  return plan == nullptr ? kNone : plan->plan.predicted_seconds().value_or(kNone);
}
double recur_plan_predicted_backward_seconds(const recur_plan* plan) {
  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  return plan == nullptr ? kNone : plan->plan.predicted_backward_seconds().value_or(kNone);
}
uint64_t recur_plan_layout_id(const recur_plan* plan) { return plan == nullptr ? 0 : plan->plan.layout_id(); }
uint64_t recur_plan_fingerprint(const recur_plan* plan) {
  return plan == nullptr ? 0 : plan->plan.fingerprint();
}

size_t recur_plan_explain(const recur_plan* plan, char* text, size_t capacity) {
  if (text != nullptr && capacity > 0) text[0] = 0;
  size_t length = 0;
  guarded(nullptr, [&] {
    if (plan == nullptr) return;
    const std::string all = plan->plan.explain();
    length = all.size();
    if (text == nullptr || capacity == 0) return;
    const size_t cut = std::min(length, capacity - 1);
    std::memcpy(text, all.data(), cut);
    text[cut] = 0;
  });
  return length;
}

recur_status recur_prepare_weights(const recur_plan* plan, recur_context* context, void* stream,
                                   const recur_layer_weights* layers, int64_t layer_count, void* buffer,
                                   size_t bytes, recur_prepared_weights* out, recur_error* error) {
  return guarded(error, [&] {
    c::checked(out, "out");
    const c::WeightLayers weights(layers, layer_count, "weights");
    const recur::PreparedWeights prepared =
        recur::prepare_weights(c::checked(plan, "plan").plan, c::checked(context, "context").context,
                               stream_of(stream), weights.span(), c::bytes(buffer, bytes));
    *out = {prepared.data, prepared.bytes, prepared.layout_id};
  });
}

recur_status recur_forward(const recur_plan* plan, recur_context* context, void* stream,
                           const recur_weights* weights, const recur_forward_args* args, void* workspace,
                           size_t workspace_bytes, void* reserve, size_t reserve_bytes, recur_error* error) {
  return guarded(error, [&] {
    const WeightsArgument kept(weights);
    std::optional<recur::Forest> forest;
    recur::forward(c::checked(plan, "plan").plan, c::checked(context, "context").context, stream_of(stream),
                   kept.get(), c::forward_args_of(args, forest), c::bytes(workspace, workspace_bytes),
                   c::bytes(reserve, reserve_bytes));
  });
}

recur_status recur_order_forest(const int32_t* parents, int64_t count, int64_t* level_begin, int64_t* levels,
                                int32_t* row_parents, int32_t* nodes, recur_error* error) {
  return guarded(error, [&] {
    const auto given = c::checked_span(parents, count, "parents");
    c::checked(levels, "levels");
    c::checked(level_begin, "level_begin");
    c::checked_span(row_parents, count, "row_parents");
    c::checked_span(nodes, count, "nodes");
    const recur::OrderedForest ordered = recur::order_forest(given);
    *levels = static_cast<std::int64_t>(ordered.level_begin.size()) - 1;
    std::ranges::copy(ordered.level_begin, level_begin);
    std::ranges::copy(ordered.parents, row_parents);
    std::ranges::copy(ordered.nodes, nodes);
  });
}

recur_status recur_step(const recur_plan* plan, recur_context* context, void* stream,
                        const recur_weights* weights, const recur_step_args* args, void* workspace,
                        size_t workspace_bytes, recur_error* error) {
  return guarded(error, [&] {
    const WeightsArgument kept(weights);
    recur::step(c::checked(plan, "plan").plan, c::checked(context, "context").context, stream_of(stream),
                kept.get(), c::step_args_of(args), c::bytes(workspace, workspace_bytes));
  });
}

recur_status recur_generate(const recur_plan* plan, recur_context* context, void* stream,
                            const recur_weights* weights, const recur_generate_args* args, void* workspace,
                            size_t workspace_bytes, recur_error* error) {
  return guarded(error, [&] {
    const WeightsArgument kept(weights);
    recur_generate_args feed;
    recur::generate(c::checked(plan, "plan").plan, c::checked(context, "context").context, stream_of(stream),
                    kept.get(), c::generate_args_of(args, feed), c::bytes(workspace, workspace_bytes));
  });
}

recur_status recur_backward(const recur_plan* plan, recur_context* context, void* stream,
                            const recur_layer_weights* layers, int64_t layer_count,
                            const recur_backward_args* args, const void* reserve, size_t reserve_bytes,
                            void* workspace, size_t workspace_bytes, recur_error* error) {
  return guarded(error, [&] {
    const c::WeightLayers weights(layers, layer_count, "weights");
    std::optional<c::GradientLayers> gradients;
    std::optional<recur::Forest> forest;
    recur::backward(c::checked(plan, "plan").plan, c::checked(context, "context").context, stream_of(stream),
                    weights.span(), c::backward_args_of(args, gradients, forest),
                    c::bytes(reserve, reserve_bytes), c::bytes(workspace, workspace_bytes));
  });
}

recur_status recur_graph_forward(const recur_plan* plan, recur_context* context, const recur_weights* weights,
                                 const recur_forward_args* args, void* workspace, size_t workspace_bytes,
                                 void* reserve, size_t reserve_bytes, recur_graph** out, recur_error* error) {
  return create(out, error, [&] {
    const WeightsArgument kept(weights);
    std::optional<recur::Forest> forest;
    return new recur_graph{
        recur::GraphRun::forward(c::checked(plan, "plan").plan, c::checked(context, "context").context,
                                 kept.get(), c::forward_args_of(args, forest),
                                 c::bytes(workspace, workspace_bytes), c::bytes(reserve, reserve_bytes))};
  });
}

recur_status recur_graph_generate(const recur_plan* plan, recur_context* context,
                                  const recur_weights* weights, const recur_generate_args* args,
                                  void* workspace, size_t workspace_bytes, recur_graph** out,
                                  recur_error* error) {
  return create(out, error, [&] {
    const WeightsArgument kept(weights);
    recur_generate_args feed;
    return new recur_graph{recur::GraphRun::generate(
        c::checked(plan, "plan").plan, c::checked(context, "context").context, kept.get(),
        c::generate_args_of(args, feed), c::bytes(workspace, workspace_bytes))};
  });
}

recur_status recur_graph_backward(const recur_plan* plan, recur_context* context,
                                  const recur_layer_weights* layers, int64_t layer_count,
                                  const recur_backward_args* args, const void* reserve, size_t reserve_bytes,
                                  void* workspace, size_t workspace_bytes, recur_graph** out,
                                  recur_error* error) {
  return create(out, error, [&] {
    const c::WeightLayers weights(layers, layer_count, "weights");
    std::optional<c::GradientLayers> gradients;
    std::optional<recur::Forest> forest;
    return new recur_graph{
        recur::GraphRun::backward(c::checked(plan, "plan").plan, c::checked(context, "context").context,
                                  weights.span(), c::backward_args_of(args, gradients, forest),
                                  c::bytes(reserve, reserve_bytes), c::bytes(workspace, workspace_bytes))};
  });
}

recur_status recur_graph_launch(recur_graph* graph, void* stream, recur_error* error) {
  return guarded(error, [&] { c::checked(graph, "graph").graph.launch(stream_of(stream)); });
}
void recur_graph_free(recur_graph* graph) { delete graph; }

recur_status recur_layer_shapes(const recur_spec* spec, int64_t layer, recur_layer_weights* out,
                                recur_error* error) {
  return guarded(error, [&] {
    c::checked(out, "out");
    const recur::Spec cpp_spec = c::spec_of(spec);
    const recur::LayerShapes shapes = recur::layer_shapes(cpp_spec, layer);
    const auto tensor = [&](const recur::TensorShape& shape) {
      return recur_tensor_dense(nullptr, static_cast<int32_t>(cpp_spec.dtype), shape.rank,
                                shape.sizes.data());
    };
    *out = {tensor(shapes.W),  tensor(shapes.R),        tensor(shapes.bW),
            tensor(shapes.bR), tensor(shapes.peephole), tensor(shapes.projection)};
  });
}

recur_status recur_format_tensors(int32_t format, const recur_spec* spec, int64_t layer,
                                  void (*each)(void* user, const char* name, int32_t rank,
                                               const int64_t* shape),
                                  void* user, recur_error* error) {
  return guarded(error, [&] {
    c::checked(each, "each");
    for (const recur::FormatTensor& tensor :
         recur::format_tensors(c::format_of(format), c::spec_of(spec), layer)) {
      each(user, tensor.name.c_str(), static_cast<int32_t>(tensor.shape.size()), tensor.shape.data());
    }
  });
}

recur_status recur_import_weights(int32_t format, const recur_spec* spec, int64_t layer,
                                  const recur_tensor* from, int64_t count, const recur_layer_weights* to,
                                  recur_error* error) {
  return import_with(recur::import_weights, format, spec, layer, from, count, to, error);
}
recur_status recur_export_weights(int32_t format, const recur_spec* spec, int64_t layer,
                                  const recur_layer_weights* from, const recur_tensor* to, int64_t count,
                                  recur_error* error) {
  return export_with(recur::export_weights, format, spec, layer, from, to, count, error);
}
recur_status recur_import_gradients(int32_t format, const recur_spec* spec, int64_t layer,
                                    const recur_tensor* from, int64_t count, const recur_layer_weights* to,
                                    recur_error* error) {
  return import_with(recur::import_gradients, format, spec, layer, from, count, to, error);
}
recur_status recur_export_gradients(int32_t format, const recur_spec* spec, int64_t layer,
                                    const recur_layer_weights* from, const recur_tensor* to, int64_t count,
                                    recur_error* error) {
  return export_with(recur::export_gradients, format, spec, layer, from, to, count, error);
}

recur_status recur_negate_update_gate(const recur_spec* spec, int64_t layer,
                                      const recur_layer_weights* weights, recur_error* error) {
  return guarded(error, [&] {
    recur::negate_update_gate(c::spec_of(spec), layer, c::layer_of(c::checked(weights, "weights")));
  });
}

recur_status recur_import_state_dict(const recur_spec* spec, const void* file, size_t bytes,
                                     const char* prefix, const recur_layer_weights* to, int64_t layer_count,
                                     recur_error* error) {
  return recur_import_state_dict_with(spec, file, bytes, prefix, nullptr, to, layer_count, error);
}

recur_status recur_import_state_dict_with(const recur_spec* spec, const void* file, size_t bytes,
                                          const char* prefix, const recur_state_dict_options* options,
                                          const recur_layer_weights* to, int64_t layer_count,
                                          recur_error* error) {
  return guarded(error, [&] {
    if (bytes > 0) c::checked(static_cast<const std::byte*>(file), "file");
    const recur::Safetensors parsed = recur::parse_safetensors(c::bytes(file, bytes));
    recur::import_state_dict(c::spec_of(spec), parsed, prefix == nullptr ? "" : prefix,
                             c::GradientLayers(to, layer_count, "to").span(),
                             c::state_dict_options_of(options));
  });
}

recur_status recur_export_state_dict(const recur_spec* spec, const recur_layer_weights* from,
                                     int64_t layer_count, const char* prefix, void* file, size_t capacity,
                                     size_t* bytes, recur_error* error) {
  if (bytes != nullptr) *bytes = 0;
  return guarded(error, [&] {
    c::checked(bytes, "bytes");
    const std::vector<std::byte> all = recur::export_state_dict(
        c::spec_of(spec), c::WeightLayers(from, layer_count, "from").span(), prefix == nullptr ? "" : prefix);
    *bytes = all.size();
    if (all.size() > capacity) {
      throw recur::InvalidArgument("file: expected room for " + std::to_string(all.size()) + " bytes, got " +
                                   std::to_string(capacity));
    }
    std::memcpy(&c::checked(static_cast<std::byte*>(file), "file"), all.data(), all.size());
  });
}

recur_status recur_onnx_layer_from_node(const recur_onnx_attributes* attributes,
                                        const recur_onnx_inputs* inputs, const recur_onnx_outputs* outputs,
                                        recur_onnx_layer* layer, recur_error* error) {
  return guarded(error, [&] {
    c::set_onnx_layer(layer, recur::onnx_layer(c::onnx_attributes_of(attributes), c::onnx_inputs_of(inputs),
                                               c::onnx_outputs_of(outputs)));
  });
}

recur_status recur_store_onnx_y(const recur_onnx_layer* layer, const recur_tensor* y, recur_error* error) {
  return guarded(error,
                 [&] { recur::store_onnx_y(c::onnx_layer_of(layer), c::view_of(c::checked(y, "y"), "y")); });
}

}  // extern "C"
