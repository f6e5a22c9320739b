#include "cudnn/stand_in.hpp"

#include <cstdio>
#include <cstring>
#include <memory>
#include <utility>

#include "cudnn/dropout.hpp"
#include "cudnn/passes.hpp"
#include "cudnn/weights.hpp"
#include "host/cudnn/library.hpp"
#include "simt/launch.hpp"

namespace recur::test::cudnn {
namespace {

std::string& last_error() {
  static std::string text;
  return text;
}

cudnnStatus_t refuse(std::string reason, cudnnStatus_t status = CUDNN_STATUS_BAD_PARAM) {
  last_error() = std::move(reason);
  return status;
}

std::size_t version() { return CUDNN_VERSION; }
const char* error_string(cudnnStatus_t status) {
  return status == CUDNN_STATUS_NOT_SUPPORTED ? "CUDNN_STATUS_NOT_SUPPORTED" : "CUDNN_STATUS_BAD_PARAM";
}
void last_error_string(char* message, std::size_t most) {
  std::snprintf(message, most, "%s", last_error().c_str());
}

template <class Object>
cudnnStatus_t create(Object** object) {
  *object = std::make_unique<Object>().release();
  ++seen().live_objects;
  return CUDNN_STATUS_SUCCESS;
}
template <class Object>
cudnnStatus_t destroy(Object* object) {
  const std::unique_ptr<Object> owned(object);
  --seen().live_objects;
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t set_stream(cudnnHandle_t handle, cudaStream_t stream) {
  handle->stream = stream;
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t set_tensor(cudnnTensorDescriptor_t tensor, cudnnDataType_t type, int rank, const int* sizes,
                         const int* strides) {
  *tensor = {type, {sizes, sizes + rank}, {strides, strides + rank}};
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t get_tensor(cudnnTensorDescriptor_t tensor, int most, cudnnDataType_t* type, int* rank,
                         int* sizes, int* strides) {
  *type = tensor->type;
  *rank = static_cast<int>(tensor->sizes.size());
  for (int d = 0; d < std::min(most, *rank); ++d) {
    sizes[d] = tensor->sizes[static_cast<std::size_t>(d)];
    strides[d] = tensor->strides[static_cast<std::size_t>(d)];
  }
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t dropout_state_bytes(cudnnHandle_t /*handle*/, std::size_t* bytes) {
  *bytes = kDropoutStateBytes;
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t check_dropout(const char* function, float dropout, const void* states, std::size_t bytes) {
  const std::string name = function;
  if (!(dropout >= 0 && dropout <= 1)) return refuse(name + ": dropout");
  if (states != nullptr && bytes < kDropoutStateBytes)
    return refuse(name + ": stateSizeInBytes", CUDNN_STATUS_BAD_PARAM);
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t set_dropout(cudnnDropoutDescriptor_t descriptor, cudnnHandle_t handle, float dropout,
                          void* states, std::size_t bytes, unsigned long long seed) {
  const cudnnStatus_t status = check_dropout("cudnnSetDropoutDescriptor", dropout, states, bytes);
  if (status != CUDNN_STATUS_SUCCESS) return status;
  *descriptor = {true, dropout, states};
  if (states == nullptr) return CUDNN_STATUS_SUCCESS;
  simt::enqueue("cudnnSetDropoutDescriptor", handle->stream, [states, bytes, seed] {
    const DropoutStates started{kStarted, seed, 0};
    std::memset(states, 0xff, bytes);
    std::memcpy(states, &started, sizeof(started));
  });
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t restore_dropout(cudnnDropoutDescriptor_t descriptor, cudnnHandle_t /*handle*/, float dropout,
                              void* states, std::size_t bytes, unsigned long long /*seed*/) {
  const cudnnStatus_t status = check_dropout("cudnnRestoreDropoutDescriptor", dropout, states, bytes);
  if (status != CUDNN_STATUS_SUCCESS) return status;
  if (states == nullptr) return refuse("cudnnRestoreDropoutDescriptor: states");
  *descriptor = {true, dropout, states};
  return CUDNN_STATUS_SUCCESS;
}

// cudnnSetRNNDescriptor_v8: which types, biases and projections go with which algorithm.
bool takes(cudnnRNNAlgo_t algorithm, cudnnDataType_t type, cudnnDataType_t math) {
  switch (type) {
    case CUDNN_DATA_DOUBLE:
      return math == CUDNN_DATA_DOUBLE &&
             (algorithm == CUDNN_RNN_ALGO_STANDARD || algorithm == CUDNN_RNN_ALGO_PERSIST_DYNAMIC);
    case CUDNN_DATA_HALF:
      return math == CUDNN_DATA_FLOAT || (math == CUDNN_DATA_HALF && algorithm == CUDNN_RNN_ALGO_STANDARD);
    case CUDNN_DATA_FLOAT:
    case CUDNN_DATA_BFLOAT16: return math == CUDNN_DATA_FLOAT;
    default: return false;
  }
}

cudnnStatus_t set_layer(cudnnRNNDescriptor_t layer, cudnnRNNAlgo_t algorithm, cudnnRNNMode_t cell,
                        cudnnRNNBiasMode_t bias, cudnnDirectionMode_t direction, cudnnRNNInputMode_t input,
                        cudnnDataType_t type, cudnnDataType_t math, cudnnMathType_t math_type,
                        int32_t input_size, int32_t hidden_size, int32_t projected_size, int32_t layers,
                        cudnnDropoutDescriptor_t dropout, uint32_t flags) {
  const bool standard = algorithm == CUDNN_RNN_ALGO_STANDARD;
  if (!takes(algorithm, type, math))
    return refuse("cudnnSetRNNDescriptor_v8: these types with this algorithm", CUDNN_STATUS_NOT_SUPPORTED);
  if (!standard && bias != CUDNN_RNN_DOUBLE_BIAS)
    return refuse("cudnnSetRNNDescriptor_v8: biases other than two", CUDNN_STATUS_NOT_SUPPORTED);
  if (projected_size != hidden_size && (!standard || cell != CUDNN_LSTM || projected_size > hidden_size))
    return refuse("cudnnSetRNNDescriptor_v8: projection", CUDNN_STATUS_NOT_SUPPORTED);
  if (dropout != nullptr && !dropout->is_set)
    return refuse("cudnnSetRNNDescriptor_v8: dropoutDesc was not set");
  if (input != CUDNN_LINEAR_INPUT || bias == CUDNN_RNN_SINGLE_REC_BIAS)
    return refuse("stand-in: not emulated", CUDNN_STATUS_NOT_SUPPORTED);
  if (input_size < 1 || hidden_size < 1 || projected_size < 1 || layers < 1)
    return refuse("cudnnSetRNNDescriptor_v8: sizes");
  *layer = {.is_set = true,
            .algorithm = algorithm,
            .cell = cell,
            .bias = bias,
            .direction = direction,
            .type = type,
            .math = math,
            .math_type = math_type,
            .input_size = input_size,
            .hidden_size = hidden_size,
            .output_size = projected_size,
            .layers = layers,
            .padded_io = (flags & CUDNN_RNN_PADDED_IO_ENABLED) != 0,
            .dropout_descriptor = dropout,
            .dropout = dropout == nullptr ? cudnnDropoutStruct{} : *dropout};
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t build_dynamic(cudnnHandle_t /*handle*/, cudnnRNNDescriptor_t layer, int batch) {
  if (!layer->is_set || layer->algorithm != CUDNN_RNN_ALGO_PERSIST_DYNAMIC || batch < 1)
    return refuse("cudnnBuildRNNDynamic: algorithm");
  layer->built_for = batch;
  ++seen().built;
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t set_sequence(cudnnRNNDataDescriptor_t data, cudnnDataType_t type, cudnnRNNDataLayout_t layout,
                           int steps, int batch, int columns, const int* lengths, void* padding_fill) {
  if (steps < 1 || batch < 1 || columns < 1 || lengths == nullptr)
    return refuse("cudnnSetRNNDataDescriptor: sizes");
  for (int b = 0; b < batch; ++b) {
    if (lengths[b] < 0 || lengths[b] > steps)
      return refuse("cudnnSetRNNDataDescriptor: a length outside [0, maxSeqLength]");
    if (layout == CUDNN_RNN_DATA_LAYOUT_SEQ_MAJOR_PACKED && b > 0 && lengths[b] > lengths[b - 1])
      return refuse("cudnnSetRNNDataDescriptor: packed sequences in ascending order");
  }
  *data = {type, layout, steps, batch, columns, {lengths, lengths + batch}, {}};
  if (padding_fill != nullptr) {
    const auto* fill = static_cast<const std::byte*>(padding_fill);
    data->padding_fill.assign(fill, fill + element_of(type));
  }
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t weight_bytes(cudnnHandle_t /*handle*/, cudnnRNNDescriptor_t layer, std::size_t* bytes) {
  if (!layer->is_set) return refuse("cudnnGetRNNWeightSpaceSize: descriptor");
  *bytes = WeightPlaces(*layer).elements() * element_of(layer->type);
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t weight_params(cudnnHandle_t handle, cudnnRNNDescriptor_t layer, int32_t pseudo_layer,
                            std::size_t bytes, const void* space, int32_t id,
                            cudnnTensorDescriptor_t matrix_descriptor, void** matrix_address,
                            cudnnTensorDescriptor_t bias_descriptor, void** bias_address) {
  std::size_t expected = 0;
  if (weight_bytes(handle, layer, &expected) != CUDNN_STATUS_SUCCESS || bytes != expected)
    return refuse("cudnnGetRNNWeightParams: weightSpaceSize");
  const int ids = 2 * layer->gates() + (layer->is_projected() ? 1 : 0);
  if (pseudo_layer < 0 || pseudo_layer >= layer->layers * layer->directions() || id < 0 || id >= ids)
    return refuse("cudnnGetRNNWeightParams: pseudoLayer, linLayerID");
  const WeightPlaces places(*layer);
  const auto put = [&](const Place& place, cudnnTensorDescriptor_t descriptor, void** address) {
    *descriptor = {
        layer->type, {1, place.rows, place.columns}, {place.rows * place.columns, place.columns, 1}};
    // Only an address: what lies there is the caller's.
    const std::uintptr_t at =
        reinterpret_cast<std::uintptr_t>(space) + place.offset * element_of(layer->type);
    *address = place.rows == 0 ? nullptr : reinterpret_cast<void*>(at);
  };
  put(places.matrix(pseudo_layer, id), matrix_descriptor, matrix_address);
  put(places.bias(pseudo_layer, id), bias_descriptor, bias_address);
  return CUDNN_STATUS_SUCCESS;
}

// Limits that cuDNN tells only with a handle, since they depend on the chip; these are not its own.
constexpr int kMostStatic = 1024;
constexpr int kMostSmall = 32;

cudnnStatus_t temp_bytes(cudnnHandle_t /*handle*/, cudnnRNNDescriptor_t layer, cudnnForwardMode_t pass,
                         cudnnRNNDataDescriptor_t x, std::size_t* work, std::size_t* reserve) {
  if (!layer->is_set || x->steps == 0) return refuse("cudnnGetRNNTempSpaceSizes: descriptors");
  if ((layer->algorithm == CUDNN_RNN_ALGO_PERSIST_STATIC && layer->hidden_size > kMostStatic) ||
      (layer->algorithm == CUDNN_RNN_ALGO_PERSIST_STATIC_SMALL_H && layer->hidden_size > kMostSmall))
    return refuse("cudnnGetRNNTempSpaceSizes: hiddenSize", CUDNN_STATUS_NOT_SUPPORTED);
  const bool training = pass == CUDNN_FWD_MODE_TRAINING;
  *work = work_bytes(*layer, *x, training);
  *reserve = training ? reserve_bytes(*layer, *x) : 0;
  return CUDNN_STATUS_SUCCESS;
}

bool is_dense(const cudnnTensorStruct& tensor, const cudnnRNNStruct& layer, int batch, int columns) {
  return tensor.type == layer.type &&
         tensor.sizes == std::vector<int>{layer.layers * layer.directions(), batch, columns} &&
         tensor.strides == std::vector<int>{batch * columns, columns, 1};
}

struct Arguments {
  cudnnHandle_t handle;
  cudnnRNNDescriptor_t layer;
  bool training;
  const int32_t* device_lengths;
  cudnnRNNDataDescriptor_t x, y;
  cudnnTensorDescriptor_t h, c;  // c: null where the pass has none
  std::size_t weight_bytes;
  std::size_t work_bytes;
  const void* work;
  std::size_t reserve_bytes;
  const void* reserve;
};

// What all passes want.
cudnnStatus_t check(const char* function, const Arguments& a) {
  const auto bad = [&](const char* what) { return refuse(std::string(function) + ": " + what); };
  const cudnnRNNStruct& layer = *a.layer;
  if (!layer.is_set) return bad("rnnDesc was not set");
  if (layer.algorithm == CUDNN_RNN_ALGO_PERSIST_DYNAMIC && layer.built_for != a.x->batch)
    return bad("rnnDesc was not built for this batch (cudnnBuildRNNDynamic)");
  if (a.training && layer.drops()) {
    if (layer.dropout.states == nullptr) return bad("dropoutDesc has no states");
    if (*layer.dropout_descriptor != layer.dropout)
      return bad("dropoutDesc was changed since rnnDesc was set");
  }
  if (a.device_lengths != nullptr) return bad("devSeqLengths: expected NULL, as of 8.9.1");
  if (a.x->type != layer.type || a.y->type != layer.type || a.x->layout != a.y->layout ||
      a.x->steps != a.y->steps || a.x->batch != a.y->batch || a.x->lengths != a.y->lengths)
    return bad("xDesc and yDesc differ");
  if (a.x->layout != CUDNN_RNN_DATA_LAYOUT_SEQ_MAJOR_PACKED && !layer.padded_io)
    return bad("an unpacked layout without CUDNN_RNN_PADDED_IO_ENABLED");
  if (a.x->layout == CUDNN_RNN_DATA_LAYOUT_SEQ_MAJOR_PACKED) return bad("packed layouts are not emulated");
  if (a.x->columns != layer.input_size || a.y->columns != layer.directions() * layer.output_size)
    return bad("vectorSize");
  for (int length : a.x->lengths) {
    // The documentation allows it, users report CUDNN_STATUS_EXECUTION_FAILED (jax-ml/jax issue 17966).
    if (length == 0) return bad("a sequence of length 0");
  }
  if (a.x->varies() && (layer.algorithm == CUDNN_RNN_ALGO_PERSIST_DYNAMIC ||
                        layer.algorithm == CUDNN_RNN_ALGO_PERSIST_STATIC_SMALL_H))
    return bad("lengths that vary with this algorithm");
  if (!is_dense(*a.h, layer, a.x->batch, layer.output_size)) return bad("hDesc");
  if (layer.cell == CUDNN_LSTM && a.c != nullptr && !is_dense(*a.c, layer, a.x->batch, layer.hidden_size))
    return bad("cDesc");
  if (a.weight_bytes < WeightPlaces(layer).elements() * element_of(layer.type)) return bad("weightSpaceSize");
  if (a.work == nullptr || a.work_bytes < work_bytes(layer, *a.x, a.training)) return bad("workSpaceSize");
  if (a.training && (a.reserve == nullptr || a.reserve_bytes < reserve_bytes(layer, *a.x)))
    return bad("reserveSpaceSize");
  seen().algorithm = layer.algorithm;
  seen().math_type = layer.math_type;
  ++seen().passes;
  return CUDNN_STATUS_SUCCESS;
}

std::optional<cudnnRNNAlgo_t>& run_failure() {
  static std::optional<cudnnRNNAlgo_t> algorithm;
  return algorithm;
}

bool all_zero(const void* data, std::size_t bytes) {
  const auto* const first = static_cast<const unsigned char*>(data);
  return std::all_of(first, first + bytes, [](unsigned char byte) { return byte == 0; });
}

// It is not documented that they may be one tensor.
bool overlap(const void* a, const void* b) { return a != nullptr && a == b; }

cudnnStatus_t forward(cudnnHandle_t handle, cudnnRNNDescriptor_t layer, cudnnForwardMode_t pass,
                      const int32_t* lengths, cudnnRNNDataDescriptor_t x_descriptor, const void* x,
                      cudnnRNNDataDescriptor_t y_descriptor, void* y, cudnnTensorDescriptor_t h_descriptor,
                      const void* h0, void* hN, cudnnTensorDescriptor_t c_descriptor, const void* c0,
                      void* cN, std::size_t weights_size, const void* weights, std::size_t work_size,
                      void* work, std::size_t reserve_size, void* reserve) {
  const bool training = pass == CUDNN_FWD_MODE_TRAINING;
  const cudnnStatus_t status =
      check("cudnnRNNForward", {handle, layer, training, lengths, x_descriptor, y_descriptor, h_descriptor,
                                c_descriptor, weights_size, work_size, work, reserve_size, reserve});
  if (status != CUDNN_STATUS_SUCCESS) return status;
  if (x == nullptr || y == nullptr || weights == nullptr) return refuse("cudnnRNNForward: a null pointer");
  if (run_failure() == layer->algorithm) {
    return refuse("stand-in: told to fail", CUDNN_STATUS_EXECUTION_FAILED);
  }
  if (overlap(h0, hN) || overlap(c0, cN)) return refuse("cudnnRNNForward: states in place");
  if (layer->cell != CUDNN_LSTM && (c0 != nullptr || cN != nullptr)) return refuse("cudnnRNNForward: cx, cy");
  const Call call{.layer = *layer,
                  .x_descriptor = *x_descriptor,
                  .y_descriptor = *y_descriptor,
                  .x = x,
                  .h0 = h0,
                  .c0 = c0,
                  .y = y,
                  .hN = hN,
                  .cN = cN,
                  .weights = weights,
                  .work = static_cast<std::byte*>(work),
                  .reserve = static_cast<std::byte*>(reserve)};
  const std::size_t x_bytes =
      static_cast<std::size_t>(x_descriptor->steps * x_descriptor->batch * x_descriptor->columns) *
      element_of(layer->type);
  simt::enqueue("cudnnRNNForward", handle->stream, [call, training, x_bytes, weights_size] {
    if (all_zero(call.x, x_bytes) || all_zero(call.weights, weights_size)) ++seen().of_zeros;
    run_forward(call, training);
  });
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t backward_data(cudnnHandle_t handle, cudnnRNNDescriptor_t layer, const int32_t* lengths,
                            cudnnRNNDataDescriptor_t y_descriptor, const void* y, const void* dy,
                            cudnnRNNDataDescriptor_t x_descriptor, void* dx,
                            cudnnTensorDescriptor_t h_descriptor, const void* h0, const void* dhN, void* dh0,
                            cudnnTensorDescriptor_t c_descriptor, const void* c0, const void* dcN, void* dc0,
                            std::size_t weights_size, const void* weights, std::size_t work_size, void* work,
                            std::size_t reserve_size, void* reserve) {
  const cudnnStatus_t status = check("cudnnRNNBackwardData_v8",
                                     {handle, layer, true, lengths, x_descriptor, y_descriptor, h_descriptor,
                                      c_descriptor, weights_size, work_size, work, reserve_size, reserve});
  if (status != CUDNN_STATUS_SUCCESS) return status;
  if (y == nullptr || dy == nullptr || dx == nullptr || weights == nullptr)
    return refuse("cudnnRNNBackwardData_v8: a null pointer");
  if (overlap(dhN, dh0) || overlap(dcN, dc0)) return refuse("cudnnRNNBackwardData_v8: states in place");
  if (layer->cell != CUDNN_LSTM && (c0 != nullptr || dcN != nullptr || dc0 != nullptr))
    return refuse("cudnnRNNBackwardData_v8: cx, dcy, dcx");
  const Call call{.layer = *layer,
                  .x_descriptor = *x_descriptor,
                  .y_descriptor = *y_descriptor,
                  .h0 = h0,
                  .c0 = c0,
                  .y = const_cast<void*>(y),
                  .weights = weights,
                  .work = static_cast<std::byte*>(work),
                  .reserve = static_cast<std::byte*>(reserve),
                  .dy = dy,
                  .dhN = dhN,
                  .dcN = dcN,
                  .dx = dx,
                  .dh0 = dh0,
                  .dc0 = dc0};
  simt::enqueue("cudnnRNNBackwardData_v8", handle->stream, [call] { run_backward_data(call); });
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t backward_weights(cudnnHandle_t handle, cudnnRNNDescriptor_t layer, cudnnWgradMode_t mode,
                               const int32_t* lengths, cudnnRNNDataDescriptor_t x_descriptor, const void* x,
                               cudnnTensorDescriptor_t h_descriptor, const void* h0,
                               cudnnRNNDataDescriptor_t y_descriptor, const void* y, std::size_t weights_size,
                               void* dweights, std::size_t work_size, void* work, std::size_t reserve_size,
                               void* reserve) {
  const cudnnStatus_t status = check("cudnnRNNBackwardWeights_v8",
                                     {handle, layer, true, lengths, x_descriptor, y_descriptor, h_descriptor,
                                      nullptr, weights_size, work_size, work, reserve_size, reserve});
  if (status != CUDNN_STATUS_SUCCESS) return status;
  if (mode != CUDNN_WGRAD_MODE_ADD)
    return refuse("cudnnRNNBackwardWeights_v8: addGrad other than CUDNN_WGRAD_MODE_ADD");
  if (x == nullptr || y == nullptr || dweights == nullptr)
    return refuse("cudnnRNNBackwardWeights_v8: a null pointer");
  const Call call{.layer = *layer,
                  .x_descriptor = *x_descriptor,
                  .y_descriptor = *y_descriptor,
                  .x = x,
                  .h0 = h0,
                  .y = const_cast<void*>(y),
                  .work = static_cast<std::byte*>(work),
                  .reserve = static_cast<std::byte*>(reserve),
                  .dweights = dweights};
  simt::enqueue("cudnnRNNBackwardWeights_v8", handle->stream, [call] { run_backward_weights(call); });
  return CUDNN_STATUS_SUCCESS;
}

std::string& load_failure() {
  static std::string reason;
  return reason;
}

}  // namespace

Seen& seen() {
  static Seen counts;
  return counts;
}

void fail_to_run(std::optional<cudnnRNNAlgo_t> algorithm) { run_failure() = algorithm; }
void fail_to_load(std::string reason) { load_failure() = std::move(reason); }

}  // namespace recur::test::cudnn

namespace recur::host::cudnn {

const Loaded& load() {
  using namespace recur::test::cudnn;
  static constexpr Library kLibrary = {.GetVersion = version,
                                       .GetErrorString = error_string,
                                       .GetLastErrorString = last_error_string,
                                       .Create = create<cudnnContext>,
                                       .Destroy = destroy<cudnnContext>,
                                       .SetStream = set_stream,
                                       .CreateTensorDescriptor = create<cudnnTensorStruct>,
                                       .DestroyTensorDescriptor = destroy<cudnnTensorStruct>,
                                       .SetTensorNdDescriptor = set_tensor,
                                       .GetTensorNdDescriptor = get_tensor,
                                       .CreateDropoutDescriptor = create<cudnnDropoutStruct>,
                                       .DestroyDropoutDescriptor = destroy<cudnnDropoutStruct>,
                                       .DropoutGetStatesSize = dropout_state_bytes,
                                       .SetDropoutDescriptor = set_dropout,
                                       .RestoreDropoutDescriptor = restore_dropout,
                                       .CreateRNNDescriptor = create<cudnnRNNStruct>,
                                       .DestroyRNNDescriptor = destroy<cudnnRNNStruct>,
                                       .SetRNNDescriptor_v8 = set_layer,
                                       .BuildRNNDynamic = build_dynamic,
                                       .CreateRNNDataDescriptor = create<cudnnRNNDataStruct>,
                                       .DestroyRNNDataDescriptor = destroy<cudnnRNNDataStruct>,
                                       .SetRNNDataDescriptor = set_sequence,
                                       .GetRNNWeightSpaceSize = weight_bytes,
                                       .GetRNNWeightParams = weight_params,
                                       .GetRNNTempSpaceSizes = temp_bytes,
                                       .RNNForward = forward,
                                       .RNNBackwardData_v8 = backward_data,
                                       .RNNBackwardWeights_v8 = backward_weights};
  static Loaded loaded;
  loaded.failure = load_failure();
  loaded.library = loaded.failure.empty() ? &kLibrary : nullptr;
  return loaded;
}

}  // namespace recur::host::cudnn
