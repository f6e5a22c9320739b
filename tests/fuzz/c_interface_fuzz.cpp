// Plans, calls and ONNX's nodes of any numbers through the C interface: a status, whatever they are. Views
// are kept within the memory that is there, since C cannot tell how large that is; shapes, strides, types,
// counts and pointers are the fuzzer's.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "recur/recur.h"

namespace {

constexpr std::size_t kArena = std::size_t{1} << 16;

class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}
  std::uint8_t byte() {
    if (size_ == 0) return 0;
    --size_;
    return *data_++;
  }
  // Mostly small, at times anything.
  std::int64_t number() {
    const std::uint8_t first = byte();
    if (first < 240) return first % 7;
    std::int64_t value = 0;
    for (int i = 0; i < 8; ++i)
      value = static_cast<std::int64_t>((static_cast<std::uint64_t>(value) << 8) | byte());
    return value;
  }
  std::int32_t small() {
    const std::uint8_t first = byte();
    return first < 250 ? first % 3 : static_cast<std::int32_t>(number());
  }

 private:
  const std::uint8_t* data_;
  std::size_t size_;
};

struct alignas(64) Arena {
  unsigned char bytes[kArena];
};

// A view whose elements lie in the arena, or one that is refused before anything is read.
recur_tensor tensor(Input& input, Arena& arena, std::size_t& next,
                    std::initializer_list<std::int64_t> expected) {
  recur_tensor result = {};
  const std::uint8_t kind = input.byte();
  if (kind % 8 == 0) return result;
  std::int64_t shape[4] = {1, 1, 1, 1};
  std::size_t count = 8;
  int rank = 0;
  for (std::int64_t size : expected) {
    shape[rank++] = size;
    if (size < 0 || size > 4096) return result;
    count *= static_cast<std::size_t>(size);
  }
  if (count > kArena - next) return result;
  result = recur_tensor_dense(arena.bytes + next, RECUR_F32, rank, shape);
  next += (count + 63) / 64 * 64;
  if (next > kArena) next = kArena;
  // Mistakes that every call must notice by itself.
  if (kind % 8 == 1) result.dtype = input.small();
  if (kind % 8 == 2) result.rank = input.small();
  if (kind % 8 == 3) result.shape[input.byte() % 4] = input.number();
  if (kind % 8 == 4) result.data = nullptr;
  if (kind % 8 == 5) result.data = arena.bytes + 1;
  // A shape that is another's may be read further than the arena goes only if it were accepted: it is not,
  // since a plan names every size but T and B, which are at most its own.
  return result;
}

// Whether a call that accepts the view stays in the arena. Sizes and strides of which one is negative or zero
// are not accepted.
bool is_inside(const recur_tensor& view, const Arena& arena) {
  if (view.data == nullptr || view.rank < 1 || view.rank > 4) return true;
  double last = 0;
  for (int d = 0; d < view.rank; ++d) {
    if (view.shape[d] < 1 || view.strides[d] < 0) return true;
    last += static_cast<double>(view.shape[d] - 1) * static_cast<double>(view.strides[d]);
  }
  const auto start = static_cast<double>(static_cast<unsigned char*>(view.data) - arena.bytes);
  return start + 8 * (last + 1) <= static_cast<double>(kArena);
}

void expect_status(recur_status status, const recur_error& error) {
  if (status == RECUR_INTERNAL_ERROR || error.code != status) std::abort();
}

// A number of a machine's rates, at times of none.
double rate(Input& input) {
  const std::uint8_t kind = input.byte();
  if (kind < 200) return 1e9 * (1 + kind);
  const std::int64_t bits = input.number();
  double value = 0;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

recur_precision_rates precision_rates(Input& input) {
  return {rate(input), rate(input), rate(input), rate(input), rate(input)};
}

// Counts of arrays of two: right, or negative.
std::int64_t count_of_two(Input& input) {
  const std::uint8_t kind = input.byte();
  return kind < 250 ? 2 - kind % 3 : -input.byte();
}

// The instruction set of this machine's plans, which begin their tile's text with it.
std::string find_simd() {
  recur_device* device = nullptr;
  recur_plan* plan = nullptr;
  recur_spec spec;
  recur_spec_init(&spec);
  spec.input_size = spec.hidden_size = 1;
  char text[1024] = "";
  if (recur_device_cpu(&device, nullptr) != RECUR_SUCCESS ||
      recur_plan_create(&spec, 1, 1, device, nullptr, &plan, nullptr) != RECUR_SUCCESS)
    std::abort();
  recur_plan_explain(plan, text, sizeof(text));
  recur_plan_free(plan);
  recur_device_free(device);
  const std::string all = text;
  const std::size_t begin = all.find("tile: ") + 6;
  return all.substr(begin, all.find(',', begin) - begin);
}

recur_device* described_device(Input& input) {
  recur_error error;
  const recur_memory_level levels[] = {{"L2", 1e6 * (1 + input.byte()), rate(input)},
                                       {input.byte() % 2 == 0 ? nullptr : "", rate(input), rate(input)}};
  const recur_hop hops[] = {{"cluster of 2", rate(input), rate(input)}, {nullptr, rate(input), rate(input)}};
  recur_rates rates;
  recur_rates_init(&rates);
  if (input.byte() >= 240) rates.threads = input.small();
  rates.operations_per_second = precision_rates(input);
  rates.activations_per_second = precision_rates(input);
  rates.call_seconds = rate(input);
  rates.barrier_seconds = rate(input);
  rates.launch_seconds = rate(input);
  rates.resident_bytes = rate(input);
  rates.levels = input.byte() == 255 ? nullptr : levels;
  rates.level_count = count_of_two(input);
  rates.hops = input.byte() == 255 ? nullptr : hops;
  rates.hop_count = count_of_two(input);
  if (input.byte() == 255) rates.struct_size = static_cast<std::size_t>(input.number());
  recur_device_props props;
  recur_device_props_init(&props);
  props.rates = &rates;
  static const std::string simd = find_simd();
  props.cpu_simd = input.byte() == 255 ? nullptr : simd.c_str();
  recur_device* device = nullptr;
  const recur_status status = recur_device_from_props(&props, &device, &error);
  expect_status(status, error);
  if ((status == RECUR_SUCCESS) != (device != nullptr)) std::abort();
  return device;
}

const char* name(Input& input) {
  static const char* const kNames[] = {"LSTM",        "GRU",           "RNN",     "forward",
                                       "reverse",     "bidirectional", "Sigmoid", "tanh",
                                       "HardSigmoid", "Elu",           "",        nullptr};
  return kNames[input.byte() % 12];
}

// A node of ONNX's, and its y moved to Y.
void onnx_node(Input& input) {
  static Arena arena;
  recur_error error;
  std::size_t next = 0;
  const char* const ops[] = {"RNN", "GRU", "LSTM"};
  const std::uint8_t op = input.byte();
  const std::int64_t D = 1 + input.byte() % 2, G = 1 + op % 3 + (op % 3 > 0 ? 1 : 0);
  const std::int64_t T = input.byte() % 7, B = input.byte() % 7, I = input.byte() % 7, H = input.byte() % 7;
  const bool batch_major = input.byte() % 2 == 1;
  const std::int64_t outer = batch_major ? B : T, inner = batch_major ? T : B;
  recur_onnx_attributes attributes;
  recur_onnx_attributes_init(&attributes);
  attributes.op_type = op < 240 ? ops[op % 3] : name(input);
  attributes.direction = input.byte() >= 240 ? name(input) : D == 2 ? "bidirectional" : nullptr;
  const std::int64_t hidden = input.byte() < 200 ? H : input.number();
  if (input.byte() % 2 == 0) attributes.hidden_size = &hidden;
  attributes.layout = batch_major ? 1 : 0;
  attributes.linear_before_reset = input.byte() % 8 == 0 ? input.number() : 0;
  attributes.input_forget = input.byte() % 8 == 0 ? input.number() : 0;
  const char* functions[6];
  float values[6];
  for (const char*& function : functions) function = name(input);
  for (float& value : values) value = static_cast<float>(rate(input));
  if (input.byte() % 2 == 0) {
    attributes.activations = functions;
    attributes.activation_count = input.number();
    attributes.activation_alpha = input.byte() == 255 ? nullptr : values;
    attributes.activation_alpha_count = input.number();
    attributes.activation_beta = values;
    attributes.activation_beta_count = input.number();
    attributes.clip = input.byte() % 2 == 0 ? values : nullptr;
  }
  recur_onnx_inputs inputs;
  recur_onnx_inputs_init(&inputs);
  const auto state = [&] {
    return tensor(input, arena, next, {batch_major ? B : D, batch_major ? D : B, H});
  };
  inputs.X = tensor(input, arena, next, {outer, inner, I});
  inputs.W = tensor(input, arena, next, {D, G * H, I});
  inputs.R = tensor(input, arena, next, {D, G * H, H});
  inputs.B = tensor(input, arena, next, {D, 2 * G * H});
  inputs.sequence_lens = tensor(input, arena, next, {B});
  inputs.initial_h = state();
  if (op % 3 == 2) inputs.initial_c = state();
  if (op % 3 == 2) inputs.P = tensor(input, arena, next, {D, 3 * H});
  recur_onnx_outputs outputs;
  recur_onnx_outputs_init(&outputs);
  outputs.Y = tensor(input, arena, next, {outer, batch_major ? T : D, batch_major ? D : B, H});
  outputs.Y_h = state();
  recur_spec spec;
  recur_spec_init(&spec);
  recur_forward_args args;
  recur_forward_args_init(&args);
  recur_onnx_layer layer;
  recur_onnx_layer_init(&layer);
  layer.spec = &spec;
  layer.args = &args;
  if (input.byte() == 255) args.struct_size = static_cast<std::size_t>(input.number());
  const recur_status status = recur_onnx_layer_from_node(&attributes, &inputs, &outputs, &layer, &error);
  expect_status(status, error);
  if (status == RECUR_SUCCESS && (layer.weight_count < 2 || layer.weight_count > 4)) std::abort();
  // Whether or not there is a layer: one of the caller's making, then.
  if (input.byte() % 4 == 0) {
    spec.hidden_size = input.number();
    spec.direction = input.small();
    spec.dtype = input.small();
    layer.steps = input.number();
  }
  const recur_tensor y = tensor(input, arena, next, {outer, inner, D * H});
  if (is_inside(layer.Y, arena) && is_inside(y, arena)) {
    expect_status(recur_store_onnx_y(&layer, &y, &error), error);
  }
}

void plan_and_forward(Input& input) {
  recur_error error;
  recur_device* device = nullptr;
  if (input.byte() % 4 == 0) {
    device = described_device(input);
  } else if (recur_device_cpu(&device, &error) != RECUR_SUCCESS) {
    std::abort();
  }
  recur_spec spec;
  recur_spec_init(&spec);
  spec.cell = input.small();
  spec.activation = input.small();
  spec.gru_reset = input.small();
  spec.peepholes = input.small() == 2;
  spec.coupled_input_forget = input.small() == 2;
  spec.input_size = input.number();
  spec.hidden_size = input.number();
  spec.projection_size = input.byte() % 4 == 0 ? input.number() : 0;
  spec.layers = input.byte() % 4 == 0 ? input.number() : 1;
  spec.direction = input.small();
  spec.bias = input.small();
  spec.dtype = input.byte() % 8 == 0 ? input.small() : RECUR_F32;
  spec.layout = input.small() % 2;
  spec.variable_lengths = input.byte() % 8 == 0;
  spec.cell_sequence = input.byte() % 8 == 0;
  if (input.byte() % 4 == 0) {
    spec.clip = static_cast<double>(input.small());
    for (recur_activation& gate : spec.activations) {
      gate = {input.byte() % 13, static_cast<double>(input.small()), static_cast<double>(input.small())};
    }
  }
  spec.residual = input.byte() % 8 == 0;
  if (input.byte() == 255) spec.struct_size = static_cast<std::size_t>(input.number());
  recur_options options;
  recur_options_init(&options);
  options.pass = input.small() % 2;
  options.batch_invariant = input.byte() % 2;
  const std::int64_t T = input.number(), B = input.number();
  recur_plan* plan = nullptr;
  const recur_status status = recur_plan_create(&spec, T, B, device, &options, &plan, &error);
  if ((status == RECUR_SUCCESS) != (plan != nullptr) || error.code != status ||
      status == RECUR_INTERNAL_ERROR)
    std::abort();
  const recur_buffer_sizes sizes = recur_plan_sizes(plan);
  recur_plan_predicted_seconds(plan);
  recur_plan_explain(plan, nullptr, 0);
  if (plan != nullptr && sizes.workspace < kArena && sizes.reserve < kArena) {
    static Arena arena, workspace, reserve;
    std::memset(arena.bytes, 0, sizeof(arena.bytes));
    recur_context* context = nullptr;
    if (recur_context_create(device, nullptr, &context, &error) != RECUR_SUCCESS) std::abort();
    std::size_t next = 0;
    const std::int64_t D = spec.direction == RECUR_BIDIRECTIONAL ? 2 : 1;
    const std::int64_t G = spec.cell == RECUR_RNN                                ? 1
                           : spec.cell == RECUR_GRU || spec.coupled_input_forget ? 3
                                                                                 : 4;
    const std::int64_t H = spec.hidden_size, P = spec.projection_size > 0 ? spec.projection_size : H;
    std::vector<recur_layer_weights> layers;
    for (std::int64_t l = 0; l < spec.layers; ++l) {
      const std::int64_t J = l == 0 ? spec.input_size : D * P;
      layers.push_back({tensor(input, arena, next, {D, G * H, J}), tensor(input, arena, next, {D, G * H, P}),
                        tensor(input, arena, next, {D, G * H}), tensor(input, arena, next, {D, G * H}),
                        tensor(input, arena, next, {D, (G - 1) * H}), tensor(input, arena, next, {D, P, H})});
    }
    recur_weights weights = {layers.data(), static_cast<std::int64_t>(layers.size()), {}};
    recur_forward_args args;
    recur_forward_args_init(&args);
    const std::int64_t outer = spec.layout == RECUR_TIME_MAJOR ? T : B,
                       inner = spec.layout == RECUR_TIME_MAJOR ? B : T;
    args.x = tensor(input, arena, next, {outer, inner, spec.input_size});
    args.h0 = tensor(input, arena, next, {spec.layers, D, B, P});
    args.y = tensor(input, arena, next, {outer, inner, D * P});
    args.hN = tensor(input, arena, next, {spec.layers, D, B, P});
    if (spec.cell == RECUR_LSTM) args.cN = tensor(input, arena, next, {spec.layers, D, B, H});
    const std::size_t bytes = input.byte() % 8 == 0 ? input.byte() : kArena;
    const recur_status ran =
        recur_forward(plan, context, nullptr, &weights, &args, workspace.bytes, bytes, reserve.bytes,
                      options.pass == RECUR_TRAINING ? kArena : 0, &error);
    if (ran == RECUR_INTERNAL_ERROR || error.code != ran) std::abort();
    recur_context_free(context);
  }
  recur_plan_free(plan);
  recur_device_free(device);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  if (input.byte() % 4 == 0) {
    onnx_node(input);
  } else {
    plan_and_forward(input);
  }
  return 0;
}
