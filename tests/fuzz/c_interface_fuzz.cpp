// Plans and calls of any numbers through the C interface: a status, whatever they are. Views are kept within
// the memory that is there, since C cannot tell how large that is; shapes, strides, types, counts and
// pointers are the fuzzer's.
#include <cstdint>
#include <cstdlib>
#include <cstring>
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

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  recur_error error;
  recur_device* device = nullptr;
  if (recur_device_cpu(&device, &error) != RECUR_SUCCESS) std::abort();
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
      const std::int64_t K = l == 0 ? spec.input_size : D * P;
      layers.push_back({tensor(input, arena, next, {D, G * H, K}), tensor(input, arena, next, {D, G * H, P}),
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
  return 0;
}
