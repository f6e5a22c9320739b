#include "host/c/convert.hpp"

#include <algorithm>
#include <cstring>
#include <limits>
#include <type_traits>

#include "host/fields.hpp"

namespace recur::host::c {
namespace {

// How much of a struct its caller has.
template <class E>
std::size_t checked_size(const E* from, const char* name, std::size_t least = sizeof(std::size_t)) {
  const std::size_t size = checked(from, name).struct_size;
  if (size < least || size > sizeof(E)) {
    throw InvalidArgument(std::string(name) + ".struct_size: expected " + std::to_string(least) + " to " +
                          std::to_string(sizeof(E)) + ", as its _init sets it, got " + std::to_string(size));
  }
  return size;
}

// The struct as this library knows it, from a caller who may know less of it; what that lacks has its
// default.
template <class E>
E current(const E* from, const char* name, E defaults) {
  std::memcpy(&defaults, from, checked_size(from, name));
  return defaults;
}

// The other way round, for a caller whose size was checked.
template <class E>
void assign(E& to, E from) {
  from.struct_size = to.struct_size;
  std::memcpy(&to, &from, to.struct_size);
}

// Whether the enumeration has it is for the library to say, but it must not be cut to fit.
template <class Enum>
Enum enum_of(std::int32_t value, const char* name) {
  if (value < 0 || value > 255) {
    throw InvalidArgument(std::string(name) + ": expected one of its enumerators, got " +
                          std::to_string(value));
  }
  return static_cast<Enum>(value);
}

bool flag(std::int32_t value, const char* name) {
  if (value != 0 && value != 1) {
    throw InvalidArgument(std::string(name) + ": expected 0 or 1, got " + std::to_string(value));
  }
  return value == 1;
}

std::string string_of(const char* from) { return from == nullptr ? "" : from; }

PrecisionRates rates_of(const recur_precision_rates& from) {
  return {from.f32, from.tf32, from.f64, from.bf16, from.f16};
}

Rates rates_of(const recur_rates* from) {
  recur_rates defaults;
  recur_rates_init(&defaults);
  const recur_rates c = current(from, "props.rates", defaults);
  Rates rates;
  rates.threads = c.threads;
  rates.operations_per_second = rates_of(c.operations_per_second);
  for (const recur_memory_level& level : checked_span(c.levels, c.level_count, "props.rates.levels")) {
    rates.levels.push_back({string_of(level.name), level.bytes, level.bytes_per_second});
  }
  rates.activations_per_second = rates_of(c.activations_per_second);
  rates.call_seconds = c.call_seconds;
  rates.barrier_seconds = c.barrier_seconds;
  rates.launch_seconds = c.launch_seconds;
  rates.resident_bytes = c.resident_bytes;
  for (const recur_hop& hop : checked_span(c.hops, c.hop_count, "props.rates.hops")) {
    rates.hops.push_back({string_of(hop.name), hop.holds_bytes, hop.seconds});
  }
  return rates;
}

// Fields of Spec and Options by their types, from C and to C. `owner` is the C struct, where a field takes two
// of its members.
template <class Owner, class Enum>
requires std::is_enum_v<Enum>
void from_c(Enum& to, const Owner& /*owner*/, std::int32_t from, const char* name) {
  to = enum_of<Enum>(from, name);
}
template <class Owner>
void from_c(bool& to, const Owner& /*owner*/, std::int32_t from, const char* name) {
  to = flag(from, name);
}
template <class Owner>
void from_c(int& to, const Owner& /*owner*/, std::int32_t from, const char* /*name*/) {
  to = from;
}
template <class Owner>
void from_c(std::int64_t& to, const Owner& /*owner*/, std::int64_t from, const char* /*name*/) {
  to = from;
}
template <class Owner>
void from_c(double& to, const Owner& /*owner*/, double from, const char* /*name*/) {
  to = from;
}
template <class Owner>
void from_c(Activations& to, const Owner& /*owner*/, const recur_activation (&from)[3], const char* name) {
  for (std::size_t i = 0; i < to.size(); ++i)
    to[i] = {enum_of<Activation>(from[i].function, name), from[i].alpha, from[i].beta};
}
void from_c(std::optional<Activations>& to, const recur_spec& owner, const recur_activation (&from)[3],
            const char* name) {
  if (flag(owner.has_reverse_activations, "spec.has_reverse_activations"))
    from_c(to.emplace(), owner, from, name);
}
// The C interface wraps the callback (recur_c.cpp).
void from_c(LogCallback& /*to*/, const recur_options& /*owner*/, void (* /*from*/)(void*, const char*),
            const char* /*name*/) {}

template <class Owner, class Value>
requires std::is_enum_v<Value> || std::is_integral_v<Value>
void set_c(std::int32_t& to, Owner& /*owner*/, Value from) { to = static_cast<std::int32_t>(from); }
template <class Owner>
void set_c(std::int64_t& to, Owner& /*owner*/, std::int64_t from) {
  to = from;
}
template <class Owner>
void set_c(double& to, Owner& /*owner*/, double from) {
  to = from;
}
template <class Owner>
void set_c(recur_activation (&to)[3], Owner& /*owner*/, const Activations& from) {
  for (std::size_t i = 0; i < from.size(); ++i)
    to[i] = {static_cast<std::int32_t>(from[i].function), from[i].alpha, from[i].beta};
}
void set_c(recur_activation (&to)[3], recur_spec& owner, const std::optional<Activations>& from) {
  if (!from) return;
  set_c(to, owner, *from);
  owner.has_reverse_activations = 1;
}
void set_c(void (*&/*to*/)(void*, const char*), recur_options& /*owner*/, const LogCallback& /*from*/) {}

}  // namespace

Spec spec_of(const recur_spec* from) {
  recur_spec defaults;
  recur_spec_init(&defaults);
  const recur_spec c = current(from, "spec", defaults);
  Spec spec;
#define RECUR_FROM_C(name, ...) from_c(spec.name, c, c.name, "spec." #name);
  RECUR_SPEC_FIELDS(RECUR_FROM_C)
#undef RECUR_FROM_C
  return spec;
}

recur_spec to_c(const Spec& from) {
  recur_spec c = {};
  c.struct_size = sizeof(c);
#define RECUR_TO_C(name, ...) set_c(c.name, c, from.name);
  RECUR_SPEC_FIELDS(RECUR_TO_C)
#undef RECUR_TO_C
  return c;
}

Options options_of(const recur_options* from) {
  recur_options defaults;
  recur_options_init(&defaults);
  const recur_options c = from == nullptr ? defaults : current(from, "options", defaults);
  Options options;
#define RECUR_FROM_C(name, ...) from_c(options.name, c, c.name, "options." #name);
  RECUR_OPTIONS_FIELDS(RECUR_FROM_C)
#undef RECUR_FROM_C
  return options;
}

recur_options to_c(const Options& from) {
  recur_options c = {};
  c.struct_size = sizeof(c);
#define RECUR_TO_C(name, ...) set_c(c.name, c, from.name);
  RECUR_OPTIONS_FIELDS(RECUR_TO_C)
#undef RECUR_TO_C
  return c;
}

DeviceProps props_of(const recur_device_props* from) {
  recur_device_props defaults;
  recur_device_props_init(&defaults);
  const recur_device_props c = current(from, "props", defaults);
  DeviceProps props;
  props.kind = enum_of<DeviceKind>(c.kind, "props.kind");
  if (props.kind > DeviceKind::cuda) {
    throw InvalidArgument("props.kind: expected one of its enumerators, got " + std::to_string(c.kind));
  }
  props.name = string_of(c.name);
  props.cpu.cores = c.cpu_cores;
  props.cpu.l1d_bytes = c.cpu_l1d_bytes;
  props.cpu.l2_bytes = c.cpu_l2_bytes;
  props.cpu.l3_bytes = c.cpu_l3_bytes;
  props.cpu.simd = string_of(c.cpu_simd);
  props.cuda.compute_major = c.cuda_compute_major;
  props.cuda.compute_minor = c.cuda_compute_minor;
  props.cuda.multiprocessors = c.cuda_multiprocessors;
  props.cuda.shared_per_multiprocessor = c.cuda_shared_per_multiprocessor;
  props.cuda.shared_per_block_optin = c.cuda_shared_per_block_optin;
  props.cuda.registers_per_multiprocessor = c.cuda_registers_per_multiprocessor;
  props.cuda.l2_bytes = c.cuda_l2_bytes;
  props.cuda.global_bytes = c.cuda_global_bytes;
  props.cuda.most_cluster = c.cuda_most_cluster;
  std::copy(std::begin(c.cuda_clusters_at_once), std::end(c.cuda_clusters_at_once),
            std::begin(props.cuda.clusters_at_once));
  if (c.rates != nullptr) props.rates = rates_of(c.rates);
  return props;
}

TensorView view_of(const recur_tensor& from, const char* name) {
  if (from.rank == 0) return {};
  const auto type = enum_of<DataType>(from.dtype, name);
  const auto& s = from.shape;
  const auto& t = from.strides;
  switch (from.rank) {
    case 1: return {from.data, type, {s[0]}, {t[0]}};
    case 2: return {from.data, type, {s[0], s[1]}, {t[0], t[1]}};
    case 3: return {from.data, type, {s[0], s[1], s[2]}, {t[0], t[1], t[2]}};
    case 4: return {from.data, type, {s[0], s[1], s[2], s[3]}, {t[0], t[1], t[2], t[3]}};
    default: break;
  }
  throw InvalidArgument(std::string(name) + ": expected a rank of 0 to 4, got " + std::to_string(from.rank));
}

recur_tensor to_c(const ConstTensorView& from) {
  recur_tensor c = {};
  c.data = const_cast<void*>(from.data());  // C has one view for both
  c.dtype = static_cast<std::int32_t>(from.type());
  c.rank = from.rank();
  for (int d = 0; d < from.rank(); ++d) {
    c.shape[d] = from.size(d);
    c.strides[d] = from.stride(d);
  }
  return c;
}

std::vector<TensorView> views_of(std::span<const recur_tensor> from, const char* name) {
  std::vector<TensorView> views;
  for (const recur_tensor& tensor : from) views.push_back(view_of(tensor, name));
  return views;
}

BasicLayerWeights<TensorView> layer_of(const recur_layer_weights& from) {
  return {view_of(from.W, "W"),
          view_of(from.R, "R"),
          view_of(from.bW, "bW"),
          view_of(from.bR, "bR"),
          view_of(from.peephole, "peephole"),
          view_of(from.projection, "projection")};
}

namespace {

// Null where there is none.
const Forest* forest_of(const recur_forest* from, std::optional<Forest>& kept) {
  if (from == nullptr) return nullptr;
  if (from->levels == std::numeric_limits<std::int64_t>::max())
    throw InvalidArgument("forest.levels: expected fewer, got " + std::to_string(from->levels));
  return &kept.emplace(Forest{checked_span(from->level_begin, from->levels + 1, "forest.level_begin"),
                              checked_span(from->parents, from->rows, "forest.parents")});
}

}  // namespace

ForwardArgs forward_args_of(const recur_forward_args* from, std::optional<Forest>& forest) {
  const recur_forward_args c = current(from, "args", recur_forward_args{});
  ForwardArgs args;
  args.x = view_of(c.x, "x");
  args.h0 = view_of(c.h0, "h0");
  args.c0 = view_of(c.c0, "c0");
  args.lengths = view_of(c.lengths, "lengths");
  args.reset_mask = view_of(c.reset_mask, "reset_mask");
  args.host_lengths = c.host_lengths;
  args.dropout_seed = c.dropout_seed;
  args.y = view_of(c.y, "y");
  args.hN = view_of(c.hN, "hN");
  args.cN = view_of(c.cN, "cN");
  args.c_sequence = view_of(c.c_sequence, "c_sequence");
  args.check_lengths = flag(c.check_lengths, "args.check_lengths");
  args.forest = forest_of(c.forest, forest);
  return args;
}

recur_forward_args to_c(const ForwardArgs& from) {
  recur_forward_args c = {};
  c.struct_size = sizeof(c);
  c.x = to_c(from.x);
  c.h0 = to_c(from.h0);
  c.c0 = to_c(from.c0);
  c.lengths = to_c(from.lengths);
  c.reset_mask = to_c(from.reset_mask);
  c.host_lengths = from.host_lengths;
  c.dropout_seed = from.dropout_seed;
  c.y = to_c(from.y);
  c.hN = to_c(from.hN);
  c.cN = to_c(from.cN);
  c.c_sequence = to_c(from.c_sequence);
  c.check_lengths = from.check_lengths ? 1 : 0;
  return c;
}

StepArgs step_args_of(const recur_step_args* from) {
  const recur_step_args c = current(from, "args", recur_step_args{});
  return {view_of(c.x, "x"), view_of(c.y, "y"), view_of(c.h, "h"), view_of(c.c, "c")};
}

GenerateArgs generate_args_of(const recur_generate_args* from, recur_generate_args& kept) {
  kept = current(from, "args", recur_generate_args{});
  GenerateArgs args{view_of(kept.x, "x"), view_of(kept.y, "y"), view_of(kept.h, "h"), view_of(kept.c, "c")};
  if (kept.feed == nullptr) return args;
  args.user = &kept;
  args.feed = [](void* user, Stream stream, std::int64_t t, const ConstTensorView& y, const TensorView& x) {
    const auto& caller = *static_cast<const recur_generate_args*>(user);
    const recur_tensor c_y = to_c(y), c_x = to_c(x);
    caller.feed(caller.user, stream.native(), t, &c_y, &c_x);
  };
  return args;
}

BackwardArgs backward_args_of(const recur_backward_args* from, std::optional<GradientLayers>& gradients,
                              std::optional<Forest>& forest) {
  const recur_backward_args c = current(from, "args", recur_backward_args{});
  BackwardArgs args;
  args.x = view_of(c.x, "x");
  args.h0 = view_of(c.h0, "h0");
  args.c0 = view_of(c.c0, "c0");
  args.lengths = view_of(c.lengths, "lengths");
  args.reset_mask = view_of(c.reset_mask, "reset_mask");
  args.host_lengths = c.host_lengths;
  args.y = view_of(c.y, "y");
  args.dy = view_of(c.dy, "dy");
  args.dhN = view_of(c.dhN, "dhN");
  args.dcN = view_of(c.dcN, "dcN");
  args.dc_sequence = view_of(c.dc_sequence, "dc_sequence");
  args.dx = view_of(c.dx, "dx");
  args.dh0 = view_of(c.dh0, "dh0");
  args.dc0 = view_of(c.dc0, "dc0");
  args.dweights = gradients.emplace(c.dweights, c.dweights_count, "dweights").span();
  if (c.mode != RECUR_OVERWRITE && c.mode != RECUR_ACCUMULATE) {
    throw InvalidArgument("args.mode: expected one of its enumerators, got " + std::to_string(c.mode));
  }
  args.forest = forest_of(c.forest, forest);
  args.mode = c.mode == RECUR_OVERWRITE ? GradientMode::overwrite : GradientMode::accumulate;
  return args;
}

WeightFormat format_of(std::int32_t from) { return enum_of<WeightFormat>(from, "format"); }

StateDictOptions state_dict_options_of(const recur_state_dict_options* from) {
  recur_state_dict_options defaults;
  recur_state_dict_options_init(&defaults);
  const recur_state_dict_options c = from == nullptr ? defaults : current(from, "options", defaults);
  return {.strict = flag(c.strict, "options.strict")};
}

OnnxAttributes onnx_attributes_of(const recur_onnx_attributes* from) {
  constexpr std::int64_t kMostFunctions = 6;  // an LSTM's three in two directions
  const recur_onnx_attributes c = current(from, "attributes", recur_onnx_attributes{});
  OnnxAttributes attributes;
  attributes.op_type = &checked(c.op_type, "op_type");
  if (c.hidden_size != nullptr) attributes.hidden_size = *c.hidden_size;
  if (c.direction != nullptr) attributes.direction = c.direction;
  attributes.layout = c.layout;
  attributes.linear_before_reset = c.linear_before_reset;
  attributes.input_forget = c.input_forget;
  for (const char* const name :
       checked_span(c.activations, c.activation_count, "activations", kMostFunctions)) {
    attributes.activations.emplace_back(&checked(name, "activations"));
  }
  const auto alphas =
      checked_span(c.activation_alpha, c.activation_alpha_count, "activation_alpha", kMostFunctions);
  const auto betas =
      checked_span(c.activation_beta, c.activation_beta_count, "activation_beta", kMostFunctions);
  attributes.activation_alpha.assign(alphas.begin(), alphas.end());
  attributes.activation_beta.assign(betas.begin(), betas.end());
  if (c.clip != nullptr) attributes.clip = *c.clip;
  return attributes;
}

OnnxInputs onnx_inputs_of(const recur_onnx_inputs* from) {
  const recur_onnx_inputs c = current(from, "inputs", recur_onnx_inputs{});
  return {view_of(c.X, "X"),
          view_of(c.W, "W"),
          view_of(c.R, "R"),
          view_of(c.B, "B"),
          view_of(c.sequence_lens, "sequence_lens"),
          view_of(c.initial_h, "initial_h"),
          view_of(c.initial_c, "initial_c"),
          view_of(c.P, "P")};
}

OnnxOutputs onnx_outputs_of(const recur_onnx_outputs* from) {
  const recur_onnx_outputs c = current(from, "outputs", recur_onnx_outputs{});
  return {view_of(c.Y, "Y"), view_of(c.Y_h, "Y_h"), view_of(c.Y_c, "Y_c")};
}

OnnxLayer onnx_layer_of(const recur_onnx_layer* from) {
  const recur_onnx_layer c = current(from, "layer", recur_onnx_layer{});
  OnnxLayer layer;
  layer.spec = spec_of(c.spec);
  layer.shape = {c.steps, c.batch};
  layer.Y = view_of(c.Y, "Y");
  return layer;
}

void set_onnx_layer(recur_onnx_layer* to, const OnnxLayer& from) {
  // Callers must have all that a node can set.
  checked_size(to, "layer", offsetof(recur_onnx_layer, Y) + sizeof(recur_tensor));
  checked_size(to->spec, "layer.spec",
               from.spec.reverse_activations ? sizeof(recur_spec) : offsetof(recur_spec, residual));
  checked_size(to->args, "layer.args", offsetof(recur_forward_args, c_sequence));
  assign(*to->spec, to_c(from.spec));
  assign(*to->args, to_c(from.args));
  recur_onnx_layer c = {};
  c.spec = to->spec;
  c.args = to->args;
  c.steps = from.shape.steps;
  c.batch = from.shape.batch;
  for (const ConstTensorView& view : from.weights) c.weights[c.weight_count++] = to_c(view);
  c.Y = to_c(from.Y);
  assign(*to, c);
}

}  // namespace recur::host::c
