/* Runs a node of ONNX's in C, as an importer of models would: the node of examples/onnx_node.cpp. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "recur/recur.h"

enum { T = 5, B = 2, I = 3, H = 4, D = 2 };

static void check(recur_status status, const recur_error* error) {
  if (status == RECUR_SUCCESS) return;
  fprintf(stderr, "%s: %s\n", recur_status_name(status), error->message);
  exit(1);
}

static void* buffer(size_t bytes) {
  void* memory = aligned_alloc(64, (bytes + 64) / 64 * 64); /* cache lines, whole ones */
  if (memory == NULL) exit(1);
  return memory;
}

/* Memory, if it has none, with small numbers in it. */
static void fill(recur_tensor* tensor) {
  size_t count = tensor->rank > 0;
  for (int32_t d = 0; d < tensor->rank; ++d) count *= (size_t)tensor->shape[d];
  if (count > 0) tensor->data = buffer(count * sizeof(float));
  for (size_t i = 0; i < count; ++i) ((float*)tensor->data)[i] = 0.5f * sinf((float)i);
}

static recur_tensor tensor(int32_t rank, int64_t a, int64_t b, int64_t c, int64_t d) {
  const int64_t shape[4] = {a, b, c, d};
  recur_tensor made = recur_tensor_dense(NULL, RECUR_F32, rank, shape);
  fill(&made);
  return made;
}

int main(void) {
  recur_error error;
  recur_onnx_attributes attributes;
  recur_onnx_attributes_init(&attributes);
  attributes.op_type = "GRU";
  attributes.direction = "bidirectional";
  attributes.linear_before_reset = 1;
  recur_onnx_inputs inputs;
  recur_onnx_inputs_init(&inputs);
  inputs.X = tensor(3, T, B, I, 0);
  inputs.W = tensor(3, D, 3 * H, I, 0);
  inputs.R = tensor(3, D, 3 * H, H, 0);
  inputs.B = tensor(2, D, 6 * H, 0, 0);
  recur_onnx_outputs outputs;
  recur_onnx_outputs_init(&outputs);
  outputs.Y = tensor(4, T, D, B, H);
  outputs.Y_h = tensor(3, D, B, H, 0);
  recur_spec spec;
  recur_spec_init(&spec);
  recur_forward_args args;
  recur_forward_args_init(&args);
  recur_onnx_layer layer;
  recur_onnx_layer_init(&layer);
  layer.spec = &spec;
  layer.args = &args;
  check(recur_onnx_layer_from_node(&attributes, &inputs, &outputs, &layer, &error), &error);

  /* Once for a model: weights in the canonical order of gates, and a plan. */
  recur_layer_weights canonical;
  check(recur_layer_shapes(&spec, 0, &canonical, &error), &error);
  recur_tensor* const parts[] = {&canonical.W, &canonical.R, &canonical.bW, &canonical.bR};
  for (size_t i = 0; i < sizeof parts / sizeof *parts; ++i) fill(parts[i]);
  check(recur_import_weights(RECUR_WEIGHTS_ONNX, &spec, 0, layer.weights, layer.weight_count, &canonical,
                             &error),
        &error);
  recur_device* device;
  check(recur_device_cpu(&device, &error), &error);
  recur_plan* plan;
  check(recur_plan_create(&spec, layer.steps, layer.batch, device, NULL, &plan, &error), &error);
  recur_context* context;
  check(recur_context_create(device, NULL, &context, &error), &error);
  const size_t bytes = recur_plan_sizes(plan).workspace;
  void* workspace = buffer(bytes);

  /* For each call. Where Y cannot be what forward writes, y is: the two directions of a row side by side. */
  recur_tensor y = tensor(3, T, B, D * H, 0);
  const int apart = args.y.rank == 0;
  if (apart) args.y = y;
  const recur_weights weights = {.layers = &canonical, .layer_count = 1};
  check(recur_forward(plan, context, NULL, &weights, &args, workspace, bytes, NULL, 0, &error), &error);
  if (apart) check(recur_store_onnx_y(&layer, &y, &error), &error);

  printf("Y_h of both directions:");
  for (int i = 0; i < D * B * H; ++i) printf(" %.4f", (double)((float*)outputs.Y_h.data)[i]);
  puts("");

  recur_context_free(context);
  recur_plan_free(plan);
  recur_device_free(device);
  void* const memory[] = {inputs.X.data,  inputs.W.data,    inputs.R.data, inputs.B.data,
                          outputs.Y.data, outputs.Y_h.data, y.data,        workspace};
  for (size_t i = 0; i < sizeof memory / sizeof *memory; ++i) free(memory[i]);
  for (size_t i = 0; i < sizeof parts / sizeof *parts; ++i) free(parts[i]->data);
  return 0;
}
