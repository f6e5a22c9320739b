/**
 * @file
 * Recur's C interface: the core library as opaque handles, plain structs and status codes. C11, and C++.
 *
 * No function throws, prints or ends the process. Functions that can fail return a `recur_status` and, where
 * the caller brings one, fill a `recur_error` with its message; all arguments are checked, null handles and
 * structs among them, and what cannot be checked (a pointer to less memory than the shapes say, a handle that
 * was freed) is as undefined as anywhere in C. What each call means, its shapes and its rules: the C++
 * headers of the same names.
 *
 * Structs that may grow begin with `struct_size`: call their `_init` first, which sets it and the defaults.
 *
 * Handles are freed by their `_free`, which takes null. They may be used from any thread, a context and a
 * graph by one at a time; a device or plan may be freed while contexts made from it live on.
 */
#ifndef RECUR_RECUR_H
#define RECUR_RECUR_H

#include <stddef.h>
#include <stdint.h>

#include "recur/export.hpp"
#include "recur/version.hpp"

#ifdef __cplusplus
extern "C" {
#endif

/** The numbers of `recur::ErrorCode`. */
typedef int32_t recur_status;
enum {
  RECUR_SUCCESS = 0,
  RECUR_INVALID_ARGUMENT = 1, /**< something that can never work */
  RECUR_UNSUPPORTED = 2,      /**< valid, but no engine (or not the named one) can do it */
  RECUR_OUT_OF_MEMORY = 3,    /**< an allocation of the library's failed */
  RECUR_FORMAT_ERROR = 4,     /**< bytes are not what they claim to be */
  RECUR_DEVICE_ERROR = 5,     /**< a device or a vendor library reported a failure */
  RECUR_INTERNAL_ERROR = 6    /**< a defect of the library */
};

/** Of a call that failed; of one that did not, code 0 and an empty message. Messages that are too long are
 * cut. */
typedef struct recur_error {
  recur_status code;
  char message[1020]; /**< ends in 0 */
} recur_error;

/** Enumerations of recur/types.hpp, as int32_t. */
enum { RECUR_F32 = 0, RECUR_F64 = 1, RECUR_BF16 = 2, RECUR_F16 = 3, RECUR_I32 = 4, RECUR_U8 = 5 };
enum { RECUR_RNN = 0, RECUR_GRU = 1, RECUR_LSTM = 2 };
enum { RECUR_RNN_TANH = 0, RECUR_RNN_RELU = 1 };
enum { RECUR_RESET_AFTER = 0, RECUR_RESET_BEFORE = 1 };
enum { RECUR_BIAS_NONE = 0, RECUR_BIAS_SINGLE = 1, RECUR_BIAS_BOTH = 2 };
enum { RECUR_FORWARD = 0, RECUR_REVERSE = 1, RECUR_BIDIRECTIONAL = 2 };
enum { RECUR_TIME_MAJOR = 0, RECUR_BATCH_MAJOR = 1 };
enum { RECUR_INFERENCE = 0, RECUR_TRAINING = 1 };
enum { RECUR_OVERWRITE = 0, RECUR_ACCUMULATE = 1 };
enum {
  RECUR_ENGINE_BEST = 0,
  RECUR_ENGINE_CPU = 1,
  RECUR_ENGINE_STEPWISE = 2,
  RECUR_ENGINE_CLUSTER_RESIDENT = 3,
  RECUR_ENGINE_GRID_RESIDENT = 4, /**< planned; until then RECUR_UNSUPPORTED */
  RECUR_ENGINE_CUDNN = 5,
  RECUR_ENGINE_ONEDNN = 6
};
enum {
  RECUR_CUDNN_STANDARD = 0,
  RECUR_CUDNN_PERSIST_STATIC = 1,
  RECUR_CUDNN_PERSIST_DYNAMIC = 2,
  RECUR_CUDNN_PERSIST_STATIC_SMALL_H = 3,
  RECUR_CUDNN_FASTEST = 4
};
enum {
  RECUR_ACTIVATION_STANDARD = 0,
  RECUR_ACTIVATION_SIGMOID = 1,
  RECUR_ACTIVATION_TANH = 2,
  RECUR_ACTIVATION_RELU = 3,
  RECUR_ACTIVATION_AFFINE = 4,
  RECUR_ACTIVATION_LEAKY_RELU = 5,
  RECUR_ACTIVATION_THRESHOLDED_RELU = 6,
  RECUR_ACTIVATION_SCALED_TANH = 7,
  RECUR_ACTIVATION_HARD_SIGMOID = 8,
  RECUR_ACTIVATION_ELU = 9,
  RECUR_ACTIVATION_SOFTSIGN = 10,
  RECUR_ACTIVATION_SOFTPLUS = 11
};
enum {
  RECUR_WEIGHTS_PYTORCH = 0,
  RECUR_WEIGHTS_ONNX = 1,
  RECUR_WEIGHTS_KERAS = 2,
  RECUR_WEIGHTS_CUDNN = 3,
  RECUR_WEIGHTS_ONEDNN = 4,
  RECUR_WEIGHTS_PADDLE = 5,
  RECUR_WEIGHTS_PADDLE_FLUID = 6
};
enum { RECUR_DEVICE_CPU = 0, RECUR_DEVICE_CUDA = 1 };

/** A view (`recur::TensorView`): at most four dimensions, strides in elements. Rank 0 stands for "not given",
   so that a zeroed one is. What a call only reads it does not write through `data`. */
typedef struct recur_tensor {
  void* data;
  int32_t dtype;
  int32_t rank;
  int64_t shape[4];
  int64_t strides[4];
} recur_tensor;

typedef struct recur_activation {
  int32_t function; /**< RECUR_ACTIVATION_... */
  double alpha;
  double beta;
} recur_activation;

/** `recur::Spec`. */
typedef struct recur_spec {
  size_t struct_size;
  int32_t cell;
  int32_t activation;
  int32_t gru_reset;
  int32_t peepholes; /**< this and other flags: 0 or 1 */
  int32_t coupled_input_forget;
  int64_t input_size;
  int64_t hidden_size;
  int64_t projection_size;
  int64_t layers;
  int32_t direction;
  int32_t bias;
  int32_t dtype;
  int32_t layout;
  int32_t variable_lengths;
  int32_t reset_mask;
  int32_t cell_sequence;
  double dropout;
  double recurrent_dropout;
  double zoneout;
  double clip;
  int32_t layer_norm;
  recur_activation activations[3];
  int32_t residual;
} recur_spec;

/** `recur::Options`. */
typedef struct recur_options {
  size_t struct_size;
  int32_t engine;
  int32_t pass;
  int32_t threads;
  int32_t batch_invariant;
  int32_t tf32;
  int32_t cudnn_algorithm;
  int64_t checkpoint_interval;
  int64_t truncation_window;
  /** Called by recur_plan_create with each line of what it decides; may be null. `line` ends in 0. */
  void (*log)(void* user, const char* line);
  void* log_user;
} recur_options;

/** `recur::PrecisionRates`. */
typedef struct recur_precision_rates {
  double f32;
  double tf32;
  double f64;
  double bf16;
  double f16;
} recur_precision_rates;

/** `recur::MemoryLevel`. */
typedef struct recur_memory_level {
  const char* name; /**< null: none */
  double bytes;     /**< may be infinity */
  double bytes_per_second;
} recur_memory_level;

/** `recur::Hop`. */
typedef struct recur_hop {
  const char* name;   /**< null: none */
  double holds_bytes; /**< may be infinity */
  double seconds;
} recur_hop;

/** `recur::Rates`. */
typedef struct recur_rates {
  size_t struct_size;
  int32_t threads;
  recur_precision_rates operations_per_second;
  const recur_memory_level* levels;
  int64_t level_count;
  recur_precision_rates activations_per_second;
  double call_seconds;
  double barrier_seconds;
  double launch_seconds;
  double resident_bytes;
  const recur_hop* hops;
  int64_t hop_count;
} recur_rates;

/** `recur::DeviceProps`. Strings end in 0; all is copied. */
typedef struct recur_device_props {
  size_t struct_size;
  int32_t kind;
  const char* name; /**< null: none */
  int32_t cpu_cores;
  size_t cpu_l1d_bytes;
  size_t cpu_l2_bytes;
  size_t cpu_l3_bytes;
  const char* cpu_simd; /**< null: none */
  int32_t cuda_compute_major;
  int32_t cuda_compute_minor;
  int32_t cuda_multiprocessors;
  size_t cuda_shared_per_multiprocessor;
  size_t cuda_shared_per_block_optin;
  int32_t cuda_registers_per_multiprocessor;
  size_t cuda_l2_bytes;
  size_t cuda_global_bytes;
  const recur_rates* rates;  /**< null: none */
  int32_t cuda_most_cluster; /**< blocks, each on a multiprocessor of its own: a power of two up to 16 */
} recur_device_props;

/** `recur::BufferSizes`. */
typedef struct recur_buffer_sizes {
  size_t workspace;
  size_t workspace_prepared;
  size_t workspace_backward;
  size_t reserve;
  size_t prepared_weights;
} recur_buffer_sizes;

/** `recur::LayerWeights`, and where gradients of them go. */
typedef struct recur_layer_weights {
  recur_tensor W;
  recur_tensor R;
  recur_tensor bW;
  recur_tensor bR;
  recur_tensor peephole;
  recur_tensor projection;
} recur_layer_weights;

/** `recur::PreparedWeights`. */
typedef struct recur_prepared_weights {
  const void* data;
  size_t bytes;
  uint64_t layout_id;
} recur_prepared_weights;

/** `recur::Weights`: prepared ones where `prepared.data` is not null, else `layers` of `layer_count`. */
typedef struct recur_weights {
  const recur_layer_weights* layers;
  int64_t layer_count;
  recur_prepared_weights prepared;
} recur_weights;

/** `recur::ForwardArgs`. */
typedef struct recur_forward_args {
  size_t struct_size;
  recur_tensor x, h0, c0, lengths, reset_mask;
  const int32_t* host_lengths;
  uint64_t dropout_seed;
  recur_tensor y, hN, cN, c_sequence;
} recur_forward_args;

/** `recur::StepArgs`. */
typedef struct recur_step_args {
  size_t struct_size;
  recur_tensor x, y, h, c;
} recur_step_args;

/** `recur::BackwardArgs`. */
typedef struct recur_backward_args {
  size_t struct_size;
  recur_tensor x, h0, c0, lengths, reset_mask;
  const int32_t* host_lengths;
  recur_tensor y, dy, dhN, dcN, dc_sequence, dx, dh0, dc0;
  const recur_layer_weights* dweights; /**< null: none */
  int64_t dweights_count;
  int32_t mode;
} recur_backward_args;

/** `recur::OnnxAttributes`. Null stands for "not given", each list has at most 6 values; all is copied. */
typedef struct recur_onnx_attributes {
  size_t struct_size;
  const char* op_type;        /**< "RNN", "GRU" or "LSTM" */
  const int64_t* hidden_size; /**< null: as R has it */
  const char* direction;      /**< null: "forward" */
  int64_t layout;
  int64_t linear_before_reset;
  int64_t input_forget;
  const char* const* activations;
  int64_t activation_count;
  const float* activation_alpha;
  int64_t activation_alpha_count;
  const float* activation_beta;
  int64_t activation_beta_count;
  const float* clip; /**< null: none */
} recur_onnx_attributes;

/** `recur::OnnxInputs`. */
typedef struct recur_onnx_inputs {
  size_t struct_size;
  recur_tensor X, W, R, B, sequence_lens, initial_h, initial_c, P;
} recur_onnx_inputs;

/** `recur::OnnxOutputs`. */
typedef struct recur_onnx_outputs {
  size_t struct_size;
  recur_tensor Y, Y_h, Y_c;
} recur_onnx_outputs;

/** `recur::OnnxLayer`. `spec` and `args` are the caller's, each after its `_init`, and written with the rest.
 */
typedef struct recur_onnx_layer {
  size_t struct_size;
  recur_spec* spec;
  recur_forward_args* args;
  int64_t steps;           /**< T of X */
  int64_t batch;           /**< B of X */
  recur_tensor weights[4]; /**< what recur_import_weights takes for RECUR_WEIGHTS_ONNX */
  int64_t weight_count;    /**< 2 to 4 */
  recur_tensor Y;          /**< the node's */
} recur_onnx_layer;

typedef struct recur_device recur_device;
typedef struct recur_thread_team recur_thread_team;
typedef struct recur_context recur_context;
typedef struct recur_plan recur_plan;
typedef struct recur_graph recur_graph;

/** Version of the library that runs, as RECUR_VERSION of the one that was compiled against. */
RECUR_API int32_t recur_version(void);
/** recur::prefer_huge_pages: 1 where the system took the advice, else 0. Memory may be null where bytes is 0.
 */
RECUR_API int32_t recur_prefer_huge_pages(void* memory, size_t bytes);
/** "invalid_argument", ...; never null. */
RECUR_API const char* recur_status_name(recur_status status);
/** "cpu", "cluster-resident", ...; never null. */
RECUR_API const char* recur_engine_name(int32_t engine);
/** `recur::status_of`: what an engine has been run on so far. */
RECUR_API const char* recur_engine_status(int32_t engine);

/** Sets struct_size and the defaults. The macros below pass the size that the caller was compiled with. */
RECUR_API void recur_spec_init_sized(recur_spec* spec, size_t struct_size);
RECUR_API void recur_options_init_sized(recur_options* options, size_t struct_size);
RECUR_API void recur_rates_init_sized(recur_rates* rates, size_t struct_size);
RECUR_API void recur_device_props_init_sized(recur_device_props* props, size_t struct_size);
RECUR_API void recur_forward_args_init_sized(recur_forward_args* args, size_t struct_size);
RECUR_API void recur_step_args_init_sized(recur_step_args* args, size_t struct_size);
RECUR_API void recur_backward_args_init_sized(recur_backward_args* args, size_t struct_size);
RECUR_API void recur_onnx_attributes_init_sized(recur_onnx_attributes* attributes, size_t struct_size);
RECUR_API void recur_onnx_inputs_init_sized(recur_onnx_inputs* inputs, size_t struct_size);
RECUR_API void recur_onnx_outputs_init_sized(recur_onnx_outputs* outputs, size_t struct_size);
RECUR_API void recur_onnx_layer_init_sized(recur_onnx_layer* layer, size_t struct_size);
#define recur_spec_init(spec) recur_spec_init_sized((spec), sizeof(recur_spec))
#define recur_options_init(options) recur_options_init_sized((options), sizeof(recur_options))
#define recur_rates_init(rates) recur_rates_init_sized((rates), sizeof(recur_rates))
#define recur_device_props_init(props) recur_device_props_init_sized((props), sizeof(recur_device_props))
#define recur_forward_args_init(args) recur_forward_args_init_sized((args), sizeof(recur_forward_args))
#define recur_step_args_init(args) recur_step_args_init_sized((args), sizeof(recur_step_args))
#define recur_backward_args_init(args) recur_backward_args_init_sized((args), sizeof(recur_backward_args))
#define recur_onnx_attributes_init(attributes) \
  recur_onnx_attributes_init_sized((attributes), sizeof(recur_onnx_attributes))
#define recur_onnx_inputs_init(inputs) recur_onnx_inputs_init_sized((inputs), sizeof(recur_onnx_inputs))
#define recur_onnx_outputs_init(outputs) recur_onnx_outputs_init_sized((outputs), sizeof(recur_onnx_outputs))
#define recur_onnx_layer_init(layer) recur_onnx_layer_init_sized((layer), sizeof(recur_onnx_layer))

/** A dense tensor; rank 0 where `rank` is not 1 to 4 or `shape` is null. */
RECUR_API recur_tensor recur_tensor_dense(void* data, int32_t dtype, int32_t rank, const int64_t* shape);

RECUR_API recur_status recur_device_cpu(recur_device** out, recur_error* error);
RECUR_API recur_status recur_device_cuda(int32_t index, recur_device** out, recur_error* error);
RECUR_API recur_status recur_device_from_props(const recur_device_props* props, recur_device** out,
                                               recur_error* error);
/** `recur::Device::known`: a GPU by name, "h200" for one, to plan for. */
RECUR_API recur_status recur_device_known(const char* name, recur_device** out, recur_error* error);
/** Plans made for the device from now on predict times, by what `recur-perf --json` measured: `json` is the
   text of its file, of `bytes` bytes, `threads` as in `recur::read_rates`. Not while the device is in another
   call. */
RECUR_API recur_status recur_device_read_rates(recur_device* device, const char* json, size_t bytes,
                                               int32_t threads, recur_error* error);
RECUR_API void recur_device_free(recur_device* device);

RECUR_API recur_status recur_thread_team_create(int32_t threads, recur_thread_team** out, recur_error* error);
/** Not while a context that was made with it is in use. */
RECUR_API void recur_thread_team_free(recur_thread_team* team);

/** `team` may be null: the calling thread only. It must outlive the context. */
RECUR_API recur_status recur_context_create(const recur_device* device, recur_thread_team* team,
                                            recur_context** out, recur_error* error);
RECUR_API void recur_context_free(recur_context* context);

/** `options` may be null: the defaults. */
RECUR_API recur_status recur_plan_create(const recur_spec* spec, int64_t steps, int64_t batch,
                                         const recur_device* device, const recur_options* options,
                                         recur_plan** out, recur_error* error);
RECUR_API void recur_plan_free(recur_plan* plan);
/** Engines in the order they are tried, each with its reason against the job, empty where it has none. The
   strings live as long as the call of `each`. */
RECUR_API recur_status recur_survey_engines(const recur_spec* spec, int64_t steps, int64_t batch,
                                            const recur_device* device, const recur_options* options,
                                            void (*each)(void* user, int32_t engine, const char* reason),
                                            void* user, recur_error* error);

/** Of a null plan: RECUR_ENGINE_BEST, zeros, NaN. Predictions are NaN where there are none. */
RECUR_API int32_t recur_plan_engine(const recur_plan* plan);
RECUR_API recur_buffer_sizes recur_plan_sizes(const recur_plan* plan);
RECUR_API int32_t recur_plan_threads(const recur_plan* plan);
RECUR_API double recur_plan_resident_fraction(const recur_plan* plan);
RECUR_API double recur_plan_predicted_seconds(const recur_plan* plan);
RECUR_API double recur_plan_predicted_backward_seconds(const recur_plan* plan);
RECUR_API uint64_t recur_plan_layout_id(const recur_plan* plan);
RECUR_API uint64_t recur_plan_fingerprint(const recur_plan* plan);
/** `Plan::explain` into `text`, cut to `capacity` and ended by 0; the length it has uncut. `text` may be null
   where `capacity` is 0. */
RECUR_API size_t recur_plan_explain(const recur_plan* plan, char* text, size_t capacity);

/** `stream` is a cudaStream_t, or null for the default one. */
RECUR_API recur_status recur_prepare_weights(const recur_plan* plan, recur_context* context, void* stream,
                                             const recur_layer_weights* layers, int64_t layer_count,
                                             void* buffer, size_t bytes, recur_prepared_weights* out,
                                             recur_error* error);
RECUR_API recur_status recur_forward(const recur_plan* plan, recur_context* context, void* stream,
                                     const recur_weights* weights, const recur_forward_args* args,
                                     void* workspace, size_t workspace_bytes, void* reserve,
                                     size_t reserve_bytes, recur_error* error);
RECUR_API recur_status recur_step(const recur_plan* plan, recur_context* context, void* stream,
                                  const recur_weights* weights, const recur_step_args* args, void* workspace,
                                  size_t workspace_bytes, recur_error* error);
RECUR_API recur_status recur_backward(const recur_plan* plan, recur_context* context, void* stream,
                                      const recur_layer_weights* layers, int64_t layer_count,
                                      const recur_backward_args* args, const void* reserve,
                                      size_t reserve_bytes, void* workspace, size_t workspace_bytes,
                                      recur_error* error);

/** `recur::GraphRun`. */
RECUR_API recur_status recur_graph_forward(const recur_plan* plan, recur_context* context,
                                           const recur_weights* weights, const recur_forward_args* args,
                                           void* workspace, size_t workspace_bytes, void* reserve,
                                           size_t reserve_bytes, recur_graph** out, recur_error* error);
RECUR_API recur_status recur_graph_backward(const recur_plan* plan, recur_context* context,
                                            const recur_layer_weights* layers, int64_t layer_count,
                                            const recur_backward_args* args, const void* reserve,
                                            size_t reserve_bytes, void* workspace, size_t workspace_bytes,
                                            recur_graph** out, recur_error* error);
RECUR_API recur_status recur_graph_launch(recur_graph* graph, void* stream, recur_error* error);
RECUR_API void recur_graph_free(recur_graph* graph);

/** Other libraries' weights: recur/weight_formats.hpp. Names and shapes live as long as the call of `each`.
 */
RECUR_API recur_status recur_format_tensors(int32_t format, const recur_spec* spec, int64_t layer,
                                            void (*each)(void* user, const char* name, int32_t rank,
                                                         const int64_t* shape),
                                            void* user, recur_error* error);
RECUR_API recur_status recur_import_weights(int32_t format, const recur_spec* spec, int64_t layer,
                                            const recur_tensor* from, int64_t count,
                                            const recur_layer_weights* to, recur_error* error);
RECUR_API recur_status recur_export_weights(int32_t format, const recur_spec* spec, int64_t layer,
                                            const recur_layer_weights* from, const recur_tensor* to,
                                            int64_t count, recur_error* error);
/** Bytes of a .safetensors file with PyTorch's names, recur/safetensors.hpp; `prefix` may be null. */
RECUR_API recur_status recur_import_state_dict(const recur_spec* spec, const void* file, size_t bytes,
                                               const char* prefix, const recur_layer_weights* to,
                                               int64_t layer_count, recur_error* error);
/** Writes the file to `file` where it fits in `capacity`, else InvalidArgument; `bytes` gets its size either
 * way. */
RECUR_API recur_status recur_export_state_dict(const recur_spec* spec, const recur_layer_weights* from,
                                               int64_t layer_count, const char* prefix, void* file,
                                               size_t capacity, size_t* bytes, recur_error* error);

/** `recur::onnx_layer`: the layer that a node of ONNX's is, into `layer`, its spec and its args. A call that
   fails writes none of them. */
RECUR_API recur_status recur_onnx_layer_from_node(const recur_onnx_attributes* attributes,
                                                  const recur_onnx_inputs* inputs,
                                                  const recur_onnx_outputs* outputs, recur_onnx_layer* layer,
                                                  recur_error* error);
/** `recur::store_onnx_y`: y, which the caller brought where the layer's args had none, to the node's Y. */
RECUR_API recur_status recur_store_onnx_y(const recur_onnx_layer* layer, const recur_tensor* y,
                                          recur_error* error);

#ifdef __cplusplus
}
#endif

#endif /* RECUR_RECUR_H */
