/**
 * @file
 * Recur's C interface: recurrent layers, forward and backward through time, as opaque handles, plain structs
 * and status codes. C11, and C++. An example that builds and runs: examples/c_inference/main.c.
 *
 * The way through: a device, a spec and sizes make a plan; the plan says how many bytes each buffer needs; a
 * context and the caller's memory run it.
 *
 *     recur_device_cpu -> recur_plan_create -> recur_plan_sizes -> recur_context_create -> recur_forward
 *
 * Shape letters, the same in comments and error messages:
 *
 *     T steps   B batch   I input size   H hidden size   P projection size, H where there is no projection
 *     D directions (1 or 2)   L layers   G gates: rnn 1, gru 3, lstm 4, lstm with coupled gates 3
 *     J inputs of a layer: I for the first, D*P above
 *
 * Canonical tensors are row-major. Gates are in the order r z n (gru: reset, update, candidate) and i f g o
 * (lstm: input, forget, candidate, output; coupled i g o):
 *
 *     W [D][G*H][J]   R [D][G*H][P]   bW, bR [D][G*H]   projection [D][P][H]
 *     peephole [D][3*H] of i f o, coupled [D][2*H] of i o
 *     x [T][B][I], y [T][B][D*P] with the forward half first, reset_mask uint8 [T][B]
 *     h0, hN [L][D][B][P]   c0, cN [L][D][B][H]   lengths int32 [B]
 *
 * [T][B] is RECUR_TIME_MAJOR; with RECUR_BATCH_MAJOR it is [B][T] in all of these.
 *
 * Errors. No function throws, prints or ends the process. Functions that can fail return a `recur_status`
 * and, where the caller brings one, fill a `recur_error` with its message. All arguments are checked before
 * anything is written, null handles and structs among them. What cannot be checked (a pointer to less memory
 * than the shapes say, a handle that was freed) is as undefined as anywhere in C. Of a call that fails `*out`
 * is null and other outputs are as they were.
 *
 * Memory. Tensors and buffers are the caller's: nothing is copied or kept, and a call that runs a plan
 * allocates nothing. They lie where the plan's device reads them: host memory for a CPU plan, device memory
 * for a CUDA plan. Handles are the library's: each `_create` (and `_device_cpu`, ...) makes one, and its
 * `_free` ends it and takes null. A device or a plan may be freed while what was made from it lives on; a
 * team must outlive its contexts.
 *
 * Threads. Handles may be used from any thread; a context, a team and a graph by one at a time, plans and
 * devices by many.
 *
 * Structs that may grow begin with `struct_size`: call their `_init` first, which sets it and the defaults.
 * Flags are 0 or 1; anything else is RECUR_INVALID_ARGUMENT.
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

/** What a call came to; recur_status_name gives its name. */
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

/** The error of a call that failed. A call that succeeds writes code 0 and an empty message. A message that
   is too long is cut. */
typedef struct recur_error {
  recur_status code;
  char message[1020]; /**< ends in 0 */
} recur_error;

/** Enumerations, as int32_t. Element types: I32 is for lengths and U8 for the reset mask only. */
enum { RECUR_F32 = 0, RECUR_F64 = 1, RECUR_BF16 = 2, RECUR_F16 = 3, RECUR_I32 = 4, RECUR_U8 = 5 };
/** The cell. RECUR_MIN_GRU has neither R nor bR: its gates, z and n, read the input alone. */
enum { RECUR_RNN = 0, RECUR_GRU = 1, RECUR_LSTM = 2, RECUR_MIN_GRU = 3 };
/** The function of RECUR_RNN. */
enum { RECUR_RNN_TANH = 0, RECUR_RNN_RELU = 1 };
/** Where the reset gate of RECUR_GRU acts: n = tanh(W x + bW + r * (R h + bR)), as in cuDNN and PyTorch, or
   tanh(W x + bW + R (r * h) + bR). */
enum { RECUR_RESET_AFTER = 0, RECUR_RESET_BEFORE = 1 };
/** Biases of a layer: none, bW alone, or bW and, where there is R, bR. */
enum { RECUR_BIAS_NONE = 0, RECUR_BIAS_SINGLE = 1, RECUR_BIAS_BOTH = 2 };
/** The order in which a layer reads time; bidirectional is both, D = 2. */
enum { RECUR_FORWARD = 0, RECUR_REVERSE = 1, RECUR_BIDIRECTIONAL = 2 };
/** The order of the outer dimensions of x, y, c_sequence, their gradients and the reset mask. */
enum { RECUR_TIME_MAJOR = 0, RECUR_BATCH_MAJOR = 1 };
/** What a plan runs: forward and step, or forward with a reserve and backward. */
enum { RECUR_INFERENCE = 0, RECUR_TRAINING = 1 };
/** What backward does with the gradients of weights. */
enum { RECUR_OVERWRITE = 0, RECUR_ACCUMULATE = 1 };
/** Engines. BEST is the first that can do the job; CUDNN and ONEDNN, other libraries, are taken only when
   named. */
enum {
  RECUR_ENGINE_BEST = 0,
  RECUR_ENGINE_CPU = 1,
  RECUR_ENGINE_STEPWISE = 2,
  RECUR_ENGINE_CLUSTER_RESIDENT = 3,
  RECUR_ENGINE_CUDNN = 5,
  RECUR_ENGINE_ONEDNN = 6,
  RECUR_ENGINE_FUSED = 7
};
/** How cuDNN runs a layer (its cudnnRNNAlgo_t), and the fastest of those that take the job. */
enum {
  RECUR_CUDNN_STANDARD = 0,
  RECUR_CUDNN_PERSIST_STATIC = 1,
  RECUR_CUDNN_PERSIST_DYNAMIC = 2,
  RECUR_CUDNN_PERSIST_STATIC_SMALL_H = 3,
  RECUR_CUDNN_FASTEST = 4
};
/** Functions of gates. STANDARD is the cell's own. */
enum {
  RECUR_ACTIVATION_STANDARD = 0,
  RECUR_ACTIVATION_SIGMOID = 1,
  RECUR_ACTIVATION_TANH = 2,
  RECUR_ACTIVATION_RELU = 3,
  RECUR_ACTIVATION_AFFINE = 4,           /**< alpha x + beta */
  RECUR_ACTIVATION_LEAKY_RELU = 5,       /**< x where x >= 0, else alpha x */
  RECUR_ACTIVATION_THRESHOLDED_RELU = 6, /**< x where x >= alpha, else 0 */
  RECUR_ACTIVATION_SCALED_TANH = 7,      /**< alpha tanh(beta x) */
  RECUR_ACTIVATION_HARD_SIGMOID = 8,     /**< clamp(alpha x + beta, 0, 1) */
  RECUR_ACTIVATION_ELU = 9,              /**< x where x >= 0, else alpha (e^x - 1) */
  RECUR_ACTIVATION_SOFTSIGN = 10,        /**< x / (1 + |x|) */
  RECUR_ACTIVATION_SOFTPLUS = 11         /**< log(1 + e^x) */
};
/** Whose convention of weights: docs/weight_formats.md. */
enum {
  RECUR_WEIGHTS_PYTORCH = 0,
  RECUR_WEIGHTS_ONNX = 1,
  RECUR_WEIGHTS_KERAS = 2,
  RECUR_WEIGHTS_CUDNN = 3,
  RECUR_WEIGHTS_ONEDNN = 4,
  RECUR_WEIGHTS_PADDLE = 5,
  RECUR_WEIGHTS_PADDLE_FLUID = 6,
  RECUR_WEIGHTS_KERAS_CUDNN = 7,
  RECUR_WEIGHTS_HAIKU = 8,
  RECUR_WEIGHTS_LASAGNE = 9,
  RECUR_WEIGHTS_MADMOM = 10
};
enum { RECUR_DEVICE_CPU = 0, RECUR_DEVICE_CUDA = 1 };

/** A view of memory: at most four dimensions, outermost first, strides in elements. Rank 0 stands for "not
   given", so that a zeroed view is an optional tensor that is left out. The innermost stride is 1, other
   strides may leave gaps, and the rows of a tensor that a call writes do not overlap. `data` is aligned to
   its elements, for CUDA plans to 16 bytes; it may be null where a size is 0. A call never writes through the
   `data` of a tensor that it only reads. */
typedef struct recur_tensor {
  void* data;
  int32_t dtype;
  int32_t rank;
  int64_t shape[4];
  int64_t strides[4];
} recur_tensor;

/** A function of a gate in place of the cell's own. Its parameters are finite and have no defaults; a
   function that lacks a parameter ignores it. */
typedef struct recur_activation {
  int32_t function; /**< RECUR_ACTIVATION_... */
  double alpha;
  double beta;
} recur_activation;

/** What to compute: a stack of layers. By default an lstm of one layer, f32, forward, time-major, with both
   biases; input_size and hidden_size must be set. A field of another cell than `cell` stays as it is. An
   engine that lacks something refuses it by the field's name (RECUR_UNSUPPORTED); what each has:
   docs/support.md. Equations: docs/equations.md. */
typedef struct recur_spec {
  size_t struct_size;
  int32_t cell;                 /**< RECUR_LSTM, ... */
  int32_t activation;           /**< rnn: RECUR_RNN_..., for which STANDARD stands in `activations` */
  int32_t gru_reset;            /**< gru: RECUR_RESET_... */
  int32_t peepholes;            /**< lstm: gates also see the cell state */
  int32_t coupled_input_forget; /**< lstm: f = 1 - i, G = 3 */
  int64_t input_size;           /**< I, at least 1 */
  int64_t hidden_size;          /**< H, at least 1 */
  int64_t projection_size;      /**< lstm: P, size of h, at most H; 0 is none */
  int64_t layers;               /**< L, 1 to 64; layer l > 0 reads the D*P outputs of layer l-1 */
  int32_t direction;            /**< RECUR_FORWARD, ... */
  int32_t bias;                 /**< RECUR_BIAS_... */
  int32_t dtype;                /**< of x, y, states and weights: RECUR_F32, F64, BF16 or F16 */
  int32_t layout;               /**< RECUR_TIME_MAJOR or RECUR_BATCH_MAJOR */
  int32_t variable_lengths;     /**< calls pass `lengths` */
  int32_t reset_mask;           /**< calls pass `reset_mask` */
  int32_t cell_sequence;        /**< lstm: calls pass `c_sequence`, c of the last layer at every step */
  double dropout;               /**< probability in [0, 1) that training drops an output between layers */
  double recurrent_dropout;     /**< later: no engine does it yet */
  double zoneout;               /**< later */
  double clip;                  /**< clamps what functions of gates take to [-clip, clip]; 0 is none */
  int32_t layer_norm;           /**< later */
  /** Functions of the gates in ONNX's order: rnn f; gru f (r, z), g (n); lstm f (i, f, o), g (candidate), h
     (output). Places that the cell does not have stay STANDARD. */
  recur_activation activations[3];
  int32_t residual; /**< rnn: adds the activation to the state before */
  /** Bidirectional layers: functions of the reverse direction where they are others than the forward
     direction's; read where the flag below is 1. */
  recur_activation reverse_activations[3];
  int32_t has_reverse_activations;
  int32_t forest; /**< calls pass `forest`: B rows of one step, each after its parent; direction forward */
} recur_spec;

/** Wishes about how a plan runs; the defaults are inference on one thread by the best engine. */
typedef struct recur_options {
  size_t struct_size;
  int32_t engine;          /**< RECUR_ENGINE_...; a named one that cannot do the job is RECUR_UNSUPPORTED */
  int32_t pass;            /**< RECUR_INFERENCE or RECUR_TRAINING */
  int32_t threads;         /**< cpu: most threads to use, at least 1; the context brings a team of them */
  int32_t batch_invariant; /**< a sequence's bits do not depend on batch, threads, or being run by steps */
  int32_t tf32;            /**< CUDA, f32: products may round operands to TF32 */
  int32_t cudnn_algorithm; /**< RECUR_CUDNN_... */
  int64_t checkpoint_interval; /**< later; 0 */
  int64_t truncation_window;   /**< later; 0 */
  /** Called by recur_plan_create with each line of what it decides; may be null. `line` ends in 0 and lives
     as long as the call. */
  void (*log)(void* user, const char* line);
  void* log_user;
} recur_options;

/** A rate for each type; 0: not known. */
typedef struct recur_precision_rates {
  double f32;
  double tf32;
  double f64;
  double bf16;
  double f16;
} recur_precision_rates;

/** A level of memory as the threads or multiprocessors in use see it together. */
typedef struct recur_memory_level {
  const char* name; /**< null: none */
  double bytes;     /**< may be infinity */
  double bytes_per_second;
} recur_memory_level;

/** A way in which the parts of a recurrent step on a GPU tell each other their results. */
typedef struct recur_hop {
  const char* name;   /**< null: none */
  double holds_bytes; /**< of R, in all blocks that take part; may be infinity */
  double seconds;
} recur_hop;

/** Rates of one machine, of all its multiprocessors or of `threads` threads together, which plans predict
   times from. Times are seconds. Plans predict what these rates tell them, and only for types whose rates are
   above 0. */
typedef struct recur_rates {
  size_t struct_size;
  int32_t threads; /**< CPU: how many were at work */
  /** CUDA: of large products. CPU: of multiply-adds whose operands stay in registers. A multiplication and an
     addition are two operations. */
  recur_precision_rates operations_per_second;
  const recur_memory_level* levels; /**< smallest first, at least one */
  int64_t level_count;
  recur_precision_rates activations_per_second; /**< CPU: values of sigmoid and tanh */
  double call_seconds;    /**< CPU: handing a task to all threads and waiting for its end */
  double barrier_seconds; /**< CPU: one barrier of all threads */
  double launch_seconds;  /**< CUDA: from one kernel on a stream to the next */
  double resident_bytes;  /**< CUDA: what registers and shared memory of all multiprocessors hold */
  const recur_hop* hops;  /**< CUDA */
  int64_t hop_count;
} recur_rates;

/** A device as a planner sees it, present or not. Sizes in bytes. Strings end in 0; all is copied. */
typedef struct recur_device_props {
  size_t struct_size;
  int32_t kind;     /**< RECUR_DEVICE_CPU or RECUR_DEVICE_CUDA; fields of the other kind are not read */
  const char* name; /**< null: none */
  int32_t cpu_cores;
  size_t cpu_l1d_bytes;
  size_t cpu_l2_bytes;
  size_t cpu_l3_bytes;
  const char* cpu_simd; /**< instruction set as Highway names it, "AVX3", "AVX2", ...; null: none */
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
  int32_t cuda_clusters_at_once[4]; /**< clusters of 2, 4, 8 and 16 such blocks at once; 0: not known */
} recur_device_props;

/** Bytes of each buffer that the caller must bring; 0: none. Buffers are aligned to 64 bytes. */
typedef struct recur_buffer_sizes {
  size_t workspace;          /**< recur_forward with canonical weights, recur_step */
  size_t workspace_prepared; /**< recur_forward and recur_step with prepared weights */
  size_t workspace_backward; /**< recur_backward */
  size_t reserve;            /**< recur_forward in training writes it, recur_backward reads it */
  size_t prepared_weights;   /**< what recur_prepare_weights fills */
} recur_buffer_sizes;

/** Canonical weights of one layer, all directions, or the gradients of them. The shapes are those at the top
   of this file (recur_layer_shapes gives them), the dtype is that of the Spec. A weight is given exactly
   where the Spec has it: R but for RECUR_MIN_GRU, bW and bR by `bias`, peephole and projection by their
   fields. A gradient that is not given is not computed. */
typedef struct recur_layer_weights {
  recur_tensor W;
  recur_tensor R;
  recur_tensor bW;
  recur_tensor bR;
  recur_tensor peephole;
  recur_tensor projection;
} recur_layer_weights;

/** A handle to a buffer that recur_prepare_weights filled. The buffer is the caller's and must outlive every
   use. Plans of an equal layout_id share a buffer. */
typedef struct recur_prepared_weights {
  const void* data;
  size_t bytes;
  uint64_t layout_id;
} recur_prepared_weights;

/** The weights of a call: prepared weights where `prepared.data` is not null (inference plans only), else the
   canonical `layers`, whose `layer_count` must be L. */
typedef struct recur_weights {
  const recur_layer_weights* layers;
  int64_t layer_count;
  recur_prepared_weights prepared;
} recur_weights;

/** What the B rows of a call continue, level by level, where the Spec has forest: as the nodes of a forest do,
   from its roots on. It lies in host memory, and is read during the call only. recur_order_forest makes one. */
typedef struct recur_forest {
  /** [levels + 1] rising values from 0 to B: level k has the rows level_begin[k] to level_begin[k+1] - 1, at
     least one. */
  const int64_t* level_begin;
  int64_t levels; /**< 0 for a call without rows */
  /** [B]: the row whose state a row reads. It is a row of the level before, and within a level these do not
     descend. In the first level the values are -1: its rows, the roots, read h0 and c0. */
  const int32_t* parents;
  int64_t rows; /**< B */
} recur_forest;

/** Arguments of recur_forward. x gives T and B, from 0 to the plan's sizes. With T or B of 0 there is nothing
   to do: hN is h0 and cN is c0.

   Lengths are clamped to [0, T] and need no order. Past a sequence's end y and c_sequence are zero, and hN
   and cN are the last valid states; a length of 0 gives hN = h0. The reverse direction starts at the last
   valid step. A non-zero value of reset_mask at t starts an episode at t: the forward direction clears the
   state before step t, the reverse direction before step t-1. Lengths and reset_mask lie in the device's
   memory and are given exactly where the Spec has them. */
typedef struct recur_forward_args {
  size_t struct_size;
  recur_tensor x;              /**< [T][B][I] */
  recur_tensor h0;             /**< [L][D][B][P]; not given: zeros */
  recur_tensor c0;             /**< lstm [L][D][B][H]; not given: zeros */
  recur_tensor lengths;        /**< int32 [B] */
  recur_tensor reset_mask;     /**< uint8 [T][B] */
  const int32_t* host_lengths; /**< copy of lengths in host memory, which cudnn needs; null: none */
  uint64_t dropout_seed;       /**< names the outputs that training drops; another one for each call */
  recur_tensor y;              /**< [T][B][D*P], of the last layer */
  recur_tensor hN;             /**< [L][D][B][P]; not given: not written; may be h0, not in training */
  recur_tensor cN;             /**< lstm [L][D][B][H]; likewise, of c0 */
  recur_tensor c_sequence;     /**< [T][B][D*H], exactly where the Spec has cell_sequence */
  /** 1: a length below 0 or above T is RECUR_INVALID_ARGUMENT, and not clamped, where the host can read
     lengths: on the CPU, or host_lengths. ONNX wants that, and recur_onnx_layer_from_node sets it. */
  int32_t check_lengths;
  /** What every row continues, exactly where the Spec has forest; else null. T is 1 then, h0 and c0 have the
     rows of the first level in place of B, and hN and cN the states after every row. */
  const recur_forest* forest;
} recur_forward_args;

/** Arguments of recur_step: one time step of layers that read forward, states updated in place. */
typedef struct recur_step_args {
  size_t struct_size;
  recur_tensor x; /**< [B][I] */
  recur_tensor y; /**< [B][P] */
  recur_tensor h; /**< [L][1][B][P], read and overwritten */
  recur_tensor c; /**< lstm [L][1][B][H], read and overwritten */
} recur_step_args;

/** Makes the input of step t + 1, `x` [B][I], from the output of step t, `y` [B][P], for t from 0 to T - 2. It
   puts that work on `stream`; on the CPU the work is done when it returns. It only reads `y`. It may make
   calls of its own on the stream, also with the same context and workspace. */
typedef void (*recur_feed)(void* user, void* stream, int64_t t, const recur_tensor* y, const recur_tensor* x);

/** Arguments of recur_generate. y gives T, which may be above the plan's. */
typedef struct recur_generate_args {
  size_t struct_size;
  recur_tensor x;  /**< [B][I], the input of step 0, read; with a feed overwritten by every later input */
  recur_tensor y;  /**< [T][B][P]; on GPUs each y[t] begins at a multiple of 16 bytes */
  recur_tensor h;  /**< [L][1][B][P], read and overwritten */
  recur_tensor c;  /**< lstm [L][1][B][H], read and overwritten */
  recur_feed feed; /**< called between two steps; null: y of a step is the next input, and I must equal P */
  void* user;      /**< handed to the feed */
} recur_generate_args;

/** Arguments of recur_backward. The inputs, and y, are those of the recur_forward that filled the reserve,
   unchanged. Where the host can read the reserve (cpu, onednn), a call that differs from it in T or B, in
   which of h0 and c0 are given, in the lengths, in the reset marks or in the forest gives RECUR_INVALID_ARGUMENT. Nothing
   can see other values in x, y, h0, c0 or the weights, nor any of this on a GPU: such a call gives wrong
   gradients. An upstream gradient that is not given is zero; at least one must be given. Past a sequence's
   end dy and dc_sequence are ignored, and dx is zero. */
typedef struct recur_backward_args {
  size_t struct_size;
  recur_tensor x, h0, c0, lengths, reset_mask; /**< as recur_forward had them */
  const int32_t* host_lengths;
  recur_tensor y;                      /**< as recur_forward wrote it */
  recur_tensor dy;                     /**< [T][B][D*P] */
  recur_tensor dhN;                    /**< [L][D][B][P] */
  recur_tensor dcN;                    /**< lstm [L][D][B][H] */
  recur_tensor dc_sequence;            /**< [T][B][D*H], only where the Spec has cell_sequence */
  recur_tensor dx;                     /**< [T][B][I]; not given: not computed */
  recur_tensor dh0;                    /**< [L][D][B][P]; not given: not written; may be dhN */
  recur_tensor dc0;                    /**< lstm [L][D][B][H]; not given: not written; may be dcN */
  const recur_layer_weights* dweights; /**< gradients of the weights, of L layers; null: none */
  int64_t dweights_count;
  int32_t mode;               /**< RECUR_OVERWRITE or RECUR_ACCUMULATE, of dweights alone */
  const recur_forest* forest; /**< as recur_forward had it; dh0 and dc0 have the rows of h0 and c0 */
} recur_backward_args;

/** How strictly recur_import_state_dict_with reads a file. */
typedef struct recur_state_dict_options {
  size_t struct_size;
  int32_t strict; /**< 1, the default: tensors of the module that no layer reads are refused */
} recur_state_dict_options;

/** Attributes of a node of ONNX's operators RNN, GRU or LSTM, with their names and defaults. Null stands for
   "not given", each list has at most 6 values; all is copied. */
typedef struct recur_onnx_attributes {
  size_t struct_size;
  const char* op_type;         /**< "RNN", "GRU" or "LSTM" */
  const int64_t* hidden_size;  /**< null: as R has it */
  const char* direction;       /**< null: "forward" */
  int64_t layout;              /**< 0: X [T][B][I], Y [T][D][B][H], states [D][B][H]; 1: B first in all */
  int64_t linear_before_reset; /**< GRU; not 0: reset after the product */
  int64_t input_forget;        /**< LSTM; 1: coupled gates */
  /** RNN f; GRU f g; LSTM f g h; twice as many for two directions, forward first; upper and lower case are
     the same. */
  const char* const* activations;
  int64_t activation_count;
  /** Taken in order by those functions that have an alpha, or a beta; those left have ONNX's defaults. */
  const float* activation_alpha;
  int64_t activation_alpha_count;
  const float* activation_beta;
  int64_t activation_beta_count;
  const float* clip; /**< above 0; null: none */
} recur_onnx_attributes;

/** A node's inputs; an optional one that is absent has rank 0. G is 1, 3 or 4; gates in ONNX's order. */
typedef struct recur_onnx_inputs {
  size_t struct_size;
  recur_tensor X;             /**< by layout */
  recur_tensor W;             /**< [D][G*H][I] */
  recur_tensor R;             /**< [D][G*H][H] */
  recur_tensor B;             /**< [D][2*G*H], optional */
  recur_tensor sequence_lens; /**< int32 [B], each from 0 to T, optional */
  recur_tensor initial_h;     /**< by layout, optional */
  recur_tensor initial_c;     /**< LSTM, by layout, optional */
  recur_tensor P;             /**< LSTM [D][3*H], optional */
} recur_onnx_inputs;

/** A node's outputs, shapes by layout, all optional; Y_c is LSTM's. */
typedef struct recur_onnx_outputs {
  size_t struct_size;
  recur_tensor Y, Y_h, Y_c;
} recur_onnx_outputs;

/** A node as a layer. `spec` and `args` are the caller's structs, after their `_init`, and are written with
   the rest. Views refer to the memory of the node's views. `args->y` is not given where it cannot be the
   memory of Y: where the node has no Y, and where the directions of a step lie apart in Y, as in layout 0.
   The caller then brings y [T][B][D*H], and recur_store_onnx_y moves it. */
typedef struct recur_onnx_layer {
  size_t struct_size;
  recur_spec* spec;
  recur_forward_args* args;
  int64_t steps;           /**< T of X for a plan: 1 where there are none */
  int64_t batch;           /**< B of X likewise */
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
/** Asks the system to back memory with huge pages, from which large prepared weights are read faster. Before
   the memory is first written; it begins on a multiple of 2 MiB. 1 where the system took the advice, else 0.
   Memory may be null where bytes is 0. */
RECUR_API int32_t recur_prefer_huge_pages(void* memory, size_t bytes);
/** "invalid_argument", ...; never null. */
RECUR_API const char* recur_status_name(recur_status status);
/** "cpu", "cluster-resident", ...; never null. */
RECUR_API const char* recur_engine_name(int32_t engine);
/** What an engine has been run on so far, in words; it says so where no GPU has run the engine. Never null. */
RECUR_API const char* recur_engine_status(int32_t engine);

/** Sets struct_size and the defaults. The macros below pass the size that the caller was compiled with. */
RECUR_API void recur_spec_init_sized(recur_spec* spec, size_t struct_size);
RECUR_API void recur_options_init_sized(recur_options* options, size_t struct_size);
RECUR_API void recur_rates_init_sized(recur_rates* rates, size_t struct_size);
RECUR_API void recur_device_props_init_sized(recur_device_props* props, size_t struct_size);
RECUR_API void recur_forward_args_init_sized(recur_forward_args* args, size_t struct_size);
RECUR_API void recur_step_args_init_sized(recur_step_args* args, size_t struct_size);
RECUR_API void recur_generate_args_init_sized(recur_generate_args* args, size_t struct_size);
RECUR_API void recur_backward_args_init_sized(recur_backward_args* args, size_t struct_size);
RECUR_API void recur_state_dict_options_init_sized(recur_state_dict_options* options, size_t struct_size);
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
#define recur_generate_args_init(args) recur_generate_args_init_sized((args), sizeof(recur_generate_args))
#define recur_backward_args_init(args) recur_backward_args_init_sized((args), sizeof(recur_backward_args))
#define recur_state_dict_options_init(options) \
  recur_state_dict_options_init_sized((options), sizeof(recur_state_dict_options))
#define recur_onnx_attributes_init(attributes) \
  recur_onnx_attributes_init_sized((attributes), sizeof(recur_onnx_attributes))
#define recur_onnx_inputs_init(inputs) recur_onnx_inputs_init_sized((inputs), sizeof(recur_onnx_inputs))
#define recur_onnx_outputs_init(outputs) recur_onnx_outputs_init_sized((outputs), sizeof(recur_onnx_outputs))
#define recur_onnx_layer_init(layer) recur_onnx_layer_init_sized((layer), sizeof(recur_onnx_layer))

/** A dense tensor; rank 0 where `rank` is not 1 to 4 or `shape` is null. */
RECUR_API recur_tensor recur_tensor_dense(void* data, int32_t dtype, int32_t rank, const int64_t* shape);

/** The CPU of this process, with the best instruction set that machine and build have. */
RECUR_API recur_status recur_device_cpu(recur_device** out, recur_error* error);
/** A CUDA device by its index. RECUR_UNSUPPORTED where there is none, or the library has no CUDA engines. */
RECUR_API recur_status recur_device_cuda(int32_t index, recur_device** out, recur_error* error);
/** A described device. Plans for it have sizes and explain themselves; running one needs the real device. */
RECUR_API recur_status recur_device_from_props(const recur_device_props* props, recur_device** out,
                                               recur_error* error);
/** A well-known GPU, described by what its maker publishes, to plan for whether it is present or not: "h200",
   "h100", "h100-pcie", "a100-80gb", "a100-40gb", "a10", "l4" or "t4". RECUR_INVALID_ARGUMENT for another
   name. */
RECUR_API recur_status recur_device_known(const char* name, recur_device** out, recur_error* error);
/** Plans made for the device from now on predict times, by what `recur-perf --json` measured: `json` is the
   text of its file, of `bytes` bytes; `threads` is the number of CPU threads whose rates are wanted, or 0 for
   those of the CUDA device. RECUR_FORMAT_ERROR where the text is no such result, RECUR_INVALID_ARGUMENT where
   it has no rates for so many threads. Not while the device is in another call. */
RECUR_API recur_status recur_device_read_rates(recur_device* device, const char* json, size_t bytes,
                                               int32_t threads, recur_error* error);
RECUR_API void recur_device_free(recur_device* device);

/** Makes a team of 1 to 1024 threads that share the work of CPU calls. The calling thread is one of them; the
   others sleep between calls. A child of fork can only free a team that it inherits. RECUR_OUT_OF_MEMORY
   where the system gives no more threads. */
RECUR_API recur_status recur_thread_team_create(int32_t threads, recur_thread_team** out, recur_error* error);
/** Ends a team. No context that was made with it may be in use. */
RECUR_API void recur_thread_team_free(recur_thread_team* team);

/** Makes the resources that outlive single calls. A context serves one call at a time; a second call at the
   same moment gives RECUR_INVALID_ARGUMENT. `team` must outlive the context; null stands for the calling
   thread alone. */
RECUR_API recur_status recur_context_create(const recur_device* device, recur_thread_team* team,
                                            recur_context** out, recur_error* error);
RECUR_API void recur_context_free(recur_context* context);

/** Plans a job for calls of at most `steps` and `batch` (T and B, at least 1 each). A plan is immutable and
   holds no buffers. `options` may be null: the defaults. RECUR_INVALID_ARGUMENT for what can never work,
   RECUR_UNSUPPORTED where the named engine, or every engine, refuses; the message has each one's reason. */
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

/** What was decided. Of a null plan: RECUR_ENGINE_BEST, zeros, NaN. Predictions, of one call of the plan's T
   and B, are NaN where there are none. Plans of one layout_id share prepared weights; equal fingerprints give
   equal bits on equal inputs. */
RECUR_API int32_t recur_plan_engine(const recur_plan* plan);
RECUR_API recur_buffer_sizes recur_plan_sizes(const recur_plan* plan);
RECUR_API int32_t recur_plan_threads(const recur_plan* plan);
RECUR_API double recur_plan_resident_fraction(const recur_plan* plan);
RECUR_API double recur_plan_predicted_seconds(const recur_plan* plan);
RECUR_API double recur_plan_predicted_backward_seconds(const recur_plan* plan);
RECUR_API uint64_t recur_plan_layout_id(const recur_plan* plan);
RECUR_API uint64_t recur_plan_fingerprint(const recur_plan* plan);
/** Engine, reasons, tile, bytes and predictions as some lines of text into `text`, cut to `capacity` and
   ended by 0; the length it has uncut. `text` may be null where `capacity` is 0. */
RECUR_API size_t recur_plan_explain(const recur_plan* plan, char* text, size_t capacity);

/** `stream`, here and below, is a cudaStream_t, or null for the default one; CPU calls return when the work
   is done and take null. Calls on CUDA are put on the stream and return at once.

   Packs canonical weights of L layers into `buffer` (at least sizes.prepared_weights bytes) once for
   inference. Changed weights need a new call. RECUR_INVALID_ARGUMENT for a training plan. */
RECUR_API recur_status recur_prepare_weights(const recur_plan* plan, recur_context* context, void* stream,
                                             const recur_layer_weights* layers, int64_t layer_count,
                                             void* buffer, size_t bytes, recur_prepared_weights* out,
                                             recur_error* error);
/** Runs the layers over a batch of sequences. `workspace` has sizes.workspace bytes (workspace_prepared with
   prepared weights), of no use afterwards; `reserve` sizes.reserve bytes in training, kept untouched until
   recur_backward, and may be null in inference. */
RECUR_API recur_status recur_forward(const recur_plan* plan, recur_context* context, void* stream,
                                     const recur_weights* weights, const recur_forward_args* args,
                                     void* workspace, size_t workspace_bytes, void* reserve,
                                     size_t reserve_bytes, recur_error* error);
/** Puts the nodes of a forest in the order of recur_forest: by depth, then by the row of the parent, then by
   number. `parents` [count] has the parent of each node, or -1 for a root. Written are `*levels`, the first
   `*levels + 1` values of `level_begin` (which has room for count + 1), `row_parents` [count] and `nodes` [count], the
   node that each row is. RECUR_INVALID_ARGUMENT for a parent outside [-1, count) and for nodes that lead to no
   root. Unlike calls that run a plan it allocates. */
RECUR_API recur_status recur_order_forest(const int32_t* parents, int64_t count, int64_t* level_begin,
                                          int64_t* levels, int32_t* row_parents, int32_t* nodes,
                                          recur_error* error);
/** Streaming: advances every layer by one step, as recur_forward with T = 1. For inference plans of layers
   that read forward, without lengths, reset mask and cell sequence; else RECUR_INVALID_ARGUMENT. */
RECUR_API recur_status recur_step(const recur_plan* plan, recur_context* context, void* stream,
                                  const recur_weights* weights, const recur_step_args* args, void* workspace,
                                  size_t workspace_bytes, recur_error* error);
/** Runs T steps, each of which takes its input from the output of the step before: what T calls of recur_step
   give. For plans that recur_step takes, with its workspace; a plan of T = 1 serves every T. The work of all
   steps is ordered on the stream. Calls can follow each other: the states stay in h and c, and the caller
   makes the next x from the last y. With T or B of 0 there is nothing to do, and the feed is not called. */
RECUR_API recur_status recur_generate(const recur_plan* plan, recur_context* context, void* stream,
                                      const recur_weights* weights, const recur_generate_args* args,
                                      void* workspace, size_t workspace_bytes, recur_error* error);
/** Back-propagation through time for a training plan, with the canonical weights that recur_forward used. The
   reserve is only read: a second call gives the same bits. `workspace` has sizes.workspace_backward bytes. */
RECUR_API recur_status recur_backward(const recur_plan* plan, recur_context* context, void* stream,
                                      const recur_layer_weights* layers, int64_t layer_count,
                                      const recur_backward_args* args, const void* reserve,
                                      size_t reserve_bytes, void* workspace, size_t workspace_bytes,
                                      recur_error* error);

/** recur_forward, recur_generate or recur_backward as a CUDA graph: checked and recorded here, run by each
   launch with the same pointers, sizes and strides, which must outlive the last one. Launches must not overlap
   in time. RECUR_UNSUPPORTED for a plan on the CPU, which has nothing to gain. */
RECUR_API recur_status recur_graph_forward(const recur_plan* plan, recur_context* context,
                                           const recur_weights* weights, const recur_forward_args* args,
                                           void* workspace, size_t workspace_bytes, void* reserve,
                                           size_t reserve_bytes, recur_graph** out, recur_error* error);
/** The feed is called here, and what it puts on the stream is recorded; launches do not call it. */
RECUR_API recur_status recur_graph_generate(const recur_plan* plan, recur_context* context,
                                            const recur_weights* weights, const recur_generate_args* args,
                                            void* workspace, size_t workspace_bytes, recur_graph** out,
                                            recur_error* error);
RECUR_API recur_status recur_graph_backward(const recur_plan* plan, recur_context* context,
                                            const recur_layer_weights* layers, int64_t layer_count,
                                            const recur_backward_args* args, const void* reserve,
                                            size_t reserve_bytes, void* workspace, size_t workspace_bytes,
                                            recur_graph** out, recur_error* error);
RECUR_API recur_status recur_graph_launch(recur_graph* graph, void* stream, recur_error* error);
RECUR_API void recur_graph_free(recur_graph* graph);

/** The canonical tensors of one layer (0-based), in `out`: dense, of the Spec's dtype, without memory: set
   each `data` of a tensor whose rank is not 0, which stands for one that the layer does not have, such as R and
   bR of RECUR_MIN_GRU. G is 1 (rnn), 2 (min_gru), 3 (gru, coupled lstm) or 4 (lstm); gates are i f g o, r z n
   and z n; J is I for layer 0, above it D*P; P is H without a projection.

       W          [D][G*H][J]
       R          [D][G*H][P]
       bW, bR     [D][G*H]      as `bias` has them
       peephole   [D][3*H] (i f o), coupled [D][2*H] (i o)
       projection [D][P][H]

   Fails with RECUR_INVALID_ARGUMENT for a Spec that can never work and a layer that it does not have; `out`
   is then as it was. */
RECUR_API recur_status recur_layer_shapes(const recur_spec* spec, int64_t layer, recur_layer_weights* out,
                                          recur_error* error);

/** The tensors that a convention (RECUR_WEIGHTS_...) has for one layer, in order: `each` is called with the
   name and the shape of every one, which live as long as that call. RECUR_UNSUPPORTED where the convention
   cannot express the Spec. */
RECUR_API recur_status recur_format_tensors(int32_t format, const recur_spec* spec, int64_t layer,
                                            void (*each)(void* user, const char* name, int32_t rank,
                                                         const int64_t* shape),
                                            void* user, recur_error* error);
/** Converts one layer to the canonical layout. `from` has the tensors of recur_format_tensors in their order,
   dense, in the Spec's dtype; `to` has all tensors of the layer. Host memory; nothing overlaps. Where the
   convention has one bias and the Spec both, bW gets it and bR zeros. */
RECUR_API recur_status recur_import_weights(int32_t format, const recur_spec* spec, int64_t layer,
                                            const recur_tensor* from, int64_t count,
                                            const recur_layer_weights* to, recur_error* error);
/** The other way round; every element of `to` is written. Where the convention has one bias and the Spec
   both, it gets bW + bR, which for a 16-bit dtype is RECUR_UNSUPPORTED. */
RECUR_API recur_status recur_export_weights(int32_t format, const recur_spec* spec, int64_t layer,
                                            const recur_layer_weights* from, const recur_tensor* to,
                                            int64_t count, recur_error* error);
/** Convert the gradients of one layer's weights to another library's layout and back, with the tensors of
   recur_export_weights and recur_import_weights. Where that layout has one bias for bW and bR, its gradient is
   that of either: exporting takes that of bW, in 16 bits too, and importing gives it to both.
   recur_export_weights would add the two: never pass gradients to it. */
RECUR_API recur_status recur_export_gradients(int32_t format, const recur_spec* spec, int64_t layer,
                                              const recur_layer_weights* from, const recur_tensor* to,
                                              int64_t count, recur_error* error);
RECUR_API recur_status recur_import_gradients(int32_t format, const recur_spec* spec, int64_t layer,
                                              const recur_tensor* from, int64_t count,
                                              const recur_layer_weights* to, recur_error* error);
/** Changes the sign of the rows of z in W, R and biases of one layer of a gru, in place. Here the update gate
   keeps the state, h = (1 - z) n + z h'; weights of a library whose gate keeps the candidate compute the same
   here after this call, once they lie in the canonical layout, and the other way round. The conventions
   above change the signs themselves. Gradients change theirs with their weights. */
RECUR_API recur_status recur_negate_update_gate(const recur_spec* spec, int64_t layer,
                                                const recur_layer_weights* weights, recur_error* error);
/** Converts all layers from the bytes of a .safetensors file with PyTorch's names (`prefix` + "weight_ih_l0",
   ...; `prefix` may be null: none), for one layer in one direction also those of its cells ("weight_ih", ...).
   Other floating-point types than the Spec's are rounded to it, to the nearest. RECUR_FORMAT_ERROR for bytes that are no such file, for a tensor that is missing or of another
   shape, and for tensors of the module that no layer reads; nothing is written unless all layers can be. */
RECUR_API recur_status recur_import_state_dict(const recur_spec* spec, const void* file, size_t bytes,
                                               const char* prefix, const recur_layer_weights* to,
                                               int64_t layer_count, recur_error* error);
/** The same with options, which may be null: the defaults. */
RECUR_API recur_status recur_import_state_dict_with(const recur_spec* spec, const void* file, size_t bytes,
                                                    const char* prefix,
                                                    const recur_state_dict_options* options,
                                                    const recur_layer_weights* to, int64_t layer_count,
                                                    recur_error* error);
/** Writes the file to `file` where it fits in `capacity`, else InvalidArgument; `bytes` gets its size either
 * way. */
RECUR_API recur_status recur_export_state_dict(const recur_spec* spec, const recur_layer_weights* from,
                                               int64_t layer_count, const char* prefix, void* file,
                                               size_t capacity, size_t* bytes, recur_error* error);

/** Converts a node of ONNX to a layer and writes `layer`, its spec and its args; a call that fails writes
   none of them. Call recur_import_weights (RECUR_WEIGHTS_ONNX) for canonical weights next, then
   recur_plan_create, then recur_forward with `*layer->args`. RECUR_INVALID_ARGUMENT for what ONNX does not
   allow, with ONNX's names in the message; RECUR_UNSUPPORTED for a clip of 0. Where the host can read
   lengths, recur_forward refuses a length that ONNX does not allow; elsewhere it clamps the length. */
RECUR_API recur_status recur_onnx_layer_from_node(const recur_onnx_attributes* attributes,
                                                  const recur_onnx_inputs* inputs,
                                                  const recur_onnx_outputs* outputs, recur_onnx_layer* layer,
                                                  recur_error* error);
/** Moves y, which the caller brought where the layer's args had none, to the node's Y. Host memory. */
RECUR_API recur_status recur_store_onnx_y(const recur_onnx_layer* layer, const recur_tensor* y,
                                          recur_error* error);

#ifdef __cplusplus
}
#endif

#endif /* RECUR_RECUR_H */
