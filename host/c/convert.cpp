#include "host/c/convert.hpp"

#include <cstring>

namespace recur::host::c {
namespace {

// The struct as this library knows it, from a caller who may know less of it; what that lacks has its
// default.
template <class T>
T current(const T* from, const char* name, T defaults) {
  checked(from, name);
  const std::size_t size = from->struct_size;
  if (size < sizeof(std::size_t) || size > sizeof(T)) {
    throw InvalidArgument(std::string(name) + ".struct_size: expected at most " + std::to_string(sizeof(T)) +
                          ", as its _init sets it, got " + std::to_string(size));
  }
  std::memcpy(&defaults, from, size);
  return defaults;
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

}  // namespace

Spec spec_of(const recur_spec* from) {
  recur_spec defaults;
  recur_spec_init(&defaults);
  const recur_spec c = current(from, "spec", defaults);
  Spec spec;
  spec.cell = enum_of<Cell>(c.cell, "spec.cell");
  spec.activation = enum_of<RnnActivation>(c.activation, "spec.activation");
  spec.gru_reset = enum_of<GruReset>(c.gru_reset, "spec.gru_reset");
  spec.peepholes = flag(c.peepholes, "spec.peepholes");
  spec.coupled_input_forget = flag(c.coupled_input_forget, "spec.coupled_input_forget");
  spec.input_size = c.input_size;
  spec.hidden_size = c.hidden_size;
  spec.projection_size = c.projection_size;
  spec.layers = c.layers;
  spec.direction = enum_of<Direction>(c.direction, "spec.direction");
  spec.bias = enum_of<Bias>(c.bias, "spec.bias");
  spec.dtype = enum_of<DataType>(c.dtype, "spec.dtype");
  spec.layout = enum_of<Layout>(c.layout, "spec.layout");
  spec.variable_lengths = flag(c.variable_lengths, "spec.variable_lengths");
  spec.reset_mask = flag(c.reset_mask, "spec.reset_mask");
  spec.cell_sequence = flag(c.cell_sequence, "spec.cell_sequence");
  spec.dropout = c.dropout;
  spec.recurrent_dropout = c.recurrent_dropout;
  spec.zoneout = c.zoneout;
  spec.clip = c.clip;
  spec.layer_norm = flag(c.layer_norm, "spec.layer_norm");
  for (std::size_t i = 0; i < spec.activations.size(); ++i) {
    const recur_activation& activation = c.activations[i];
    spec.activations[i] = {enum_of<Activation>(activation.function, "spec.activations"), activation.alpha,
                           activation.beta};
  }
  spec.residual = flag(c.residual, "spec.residual");
  return spec;
}

Options options_of(const recur_options* from) {
  recur_options defaults;
  recur_options_init(&defaults);
  const recur_options c = from == nullptr ? defaults : current(from, "options", defaults);
  Options options;
  options.engine = enum_of<EngineId>(c.engine, "options.engine");
  options.pass = enum_of<Pass>(c.pass, "options.pass");
  options.threads = c.threads;
  options.batch_invariant = flag(c.batch_invariant, "options.batch_invariant");
  options.tf32 = flag(c.tf32, "options.tf32");
  options.cudnn_algorithm = enum_of<CudnnAlgorithm>(c.cudnn_algorithm, "options.cudnn_algorithm");
  options.checkpoint_interval = c.checkpoint_interval;
  options.truncation_window = c.truncation_window;
  return options;
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
  if (c.name != nullptr) props.name = c.name;
  props.cpu.cores = c.cpu_cores;
  props.cpu.l1d_bytes = c.cpu_l1d_bytes;
  props.cpu.l2_bytes = c.cpu_l2_bytes;
  props.cpu.l3_bytes = c.cpu_l3_bytes;
  if (c.cpu_simd != nullptr) props.cpu.simd = c.cpu_simd;
  props.cuda.compute_major = c.cuda_compute_major;
  props.cuda.compute_minor = c.cuda_compute_minor;
  props.cuda.multiprocessors = c.cuda_multiprocessors;
  props.cuda.shared_per_multiprocessor = c.cuda_shared_per_multiprocessor;
  props.cuda.shared_per_block_optin = c.cuda_shared_per_block_optin;
  props.cuda.registers_per_multiprocessor = c.cuda_registers_per_multiprocessor;
  props.cuda.l2_bytes = c.cuda_l2_bytes;
  props.cuda.global_bytes = c.cuda_global_bytes;
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

ForwardArgs forward_args_of(const recur_forward_args* from) {
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
  return args;
}

StepArgs step_args_of(const recur_step_args* from) {
  const recur_step_args c = current(from, "args", recur_step_args{});
  return {view_of(c.x, "x"), view_of(c.y, "y"), view_of(c.h, "h"), view_of(c.c, "c")};
}

BackwardArgs backward_args_of(const recur_backward_args* from, std::optional<GradientLayers>& gradients) {
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
  args.mode = c.mode == RECUR_OVERWRITE ? GradientMode::overwrite : GradientMode::accumulate;
  return args;
}

WeightFormat format_of(std::int32_t from) { return enum_of<WeightFormat>(from, "format"); }

}  // namespace recur::host::c
