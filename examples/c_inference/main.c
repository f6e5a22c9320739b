/* A layer from C: weights in PyTorch's form from a .safetensors file, or made up where none is named; one sequence read whole,
   and again step by step, as a stream would bring it.

     c_inference [FILE [PREFIX]]     FILE has "PREFIXweight_ih_l0" and so on of a torch.nn.LSTM(INPUTS, UNITS) */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "recur/recur.h"

enum { STEPS = 20, INPUTS = 8, UNITS = 16, ROWS = 4 * UNITS };

static void check(recur_status status, const recur_error* error) {
  if (status == RECUR_SUCCESS) return;
  fprintf(stderr, "%s: %s\n", recur_status_name(status), error->message);
  exit(1);
}

static void* buffer(size_t bytes) {
  /* Buffers are aligned to cache lines; aligned_alloc wants whole ones. */
  void* memory = aligned_alloc(64, (bytes + 64) / 64 * 64);
  if (memory == NULL) {
    fputs("out of memory\n", stderr);
    exit(1);
  }
  memset(memory, 0, bytes);
  return memory;
}

static float* numbers(size_t count, float scale) {
  float* memory = buffer(count * sizeof(float));
  for (size_t i = 0; i < count; ++i) memory[i] = scale * sinf((float)i);
  return memory;
}

static recur_tensor tensor(float* data, int32_t rank, int64_t a, int64_t b, int64_t c, int64_t d) {
  const int64_t shape[4] = {a, b, c, d};
  return recur_tensor_dense(data, RECUR_F32, rank, shape);
}

static void load(const recur_spec* spec, const char* path, const char* prefix, const recur_layer_weights* layer,
                 recur_error* error) {
  FILE* file = fopen(path, "rb");
  long size = -1;
  if (file != NULL && fseek(file, 0, SEEK_END) == 0) size = ftell(file);
  char* bytes = size < 0 ? NULL : buffer((size_t)size);
  if (size < 0 || fseek(file, 0, SEEK_SET) != 0 || fread(bytes, 1, (size_t)size, file) != (size_t)size) {
    fprintf(stderr, "cannot read %s\n", path);
    exit(1);
  }
  fclose(file);
  check(recur_import_state_dict(spec, bytes, (size_t)size, prefix, layer, 1, error), error);
  free(bytes);
}

int main(int argc, char** argv) {
  recur_error error;
  recur_device* device;
  check(recur_device_cpu(&device, &error), &error);

  recur_spec spec;
  recur_spec_init(&spec);
  spec.cell = RECUR_LSTM;
  spec.input_size = INPUTS;
  spec.hidden_size = UNITS;
  recur_plan* plan;
  check(recur_plan_create(&spec, STEPS, 1, device, NULL, &plan, &error), &error);
  char text[1024];
  recur_plan_explain(plan, text, sizeof text);
  puts(text);

  float* W = numbers(ROWS * INPUTS, 0.3f);
  float* R = numbers(ROWS * UNITS, 0.2f);
  float* bW = numbers(ROWS, 0.1f);
  float* bR = numbers(ROWS, 0.1f);
  recur_layer_weights layer = {.W = tensor(W, 3, 1, ROWS, INPUTS, 0),
                               .R = tensor(R, 3, 1, ROWS, UNITS, 0),
                               .bW = tensor(bW, 2, 1, ROWS, 0, 0),
                               .bR = tensor(bR, 2, 1, ROWS, 0, 0)};
  if (argc > 1) load(&spec, argv[1], argc > 2 ? argv[2] : NULL, &layer, &error);

  recur_context* context;
  check(recur_context_create(device, NULL, &context, &error), &error);
  const recur_buffer_sizes sizes = recur_plan_sizes(plan);
  void* prepared = buffer(sizes.prepared_weights);
  void* workspace = buffer(sizes.workspace_prepared);
  recur_weights weights = {0};
  check(recur_prepare_weights(plan, context, NULL, &layer, 1, prepared, sizes.prepared_weights, &weights.prepared,
                              &error),
        &error);

  float* x = numbers(STEPS * INPUTS, 1.0f);
  float* y = numbers(STEPS * UNITS, 0.0f);
  recur_forward_args args;
  recur_forward_args_init(&args);
  args.x = tensor(x, 3, STEPS, 1, INPUTS, 0);
  args.y = tensor(y, 3, STEPS, 1, UNITS, 0);
  check(recur_forward(plan, context, NULL, &weights, &args, workspace, sizes.workspace_prepared, NULL, 0, &error),
        &error);

  float* h = numbers(UNITS, 0.0f);
  float* c = numbers(UNITS, 0.0f);
  float* out = numbers(UNITS, 0.0f);
  float furthest = 0;
  for (int t = 0; t < STEPS; ++t) {
    recur_step_args step;
    recur_step_args_init(&step);
    step.x = tensor(x + t * INPUTS, 2, 1, INPUTS, 0, 0);
    step.y = tensor(out, 2, 1, UNITS, 0, 0);
    step.h = tensor(h, 4, 1, 1, 1, UNITS);
    step.c = tensor(c, 4, 1, 1, 1, UNITS);
    check(recur_step(plan, context, NULL, &weights, &step, workspace, sizes.workspace_prepared, &error), &error);
    for (int j = 0; j < UNITS; ++j) furthest = fmaxf(furthest, fabsf(out[j] - y[t * UNITS + j]));
  }
  printf("last output of unit 0: %f; whole and step by step differ by at most %.1e\n", y[(STEPS - 1) * UNITS],
         furthest);

  float* const tensors[] = {W, R, bW, bR, x, y, h, c, out};
  for (size_t i = 0; i < sizeof tensors / sizeof *tensors; ++i) free(tensors[i]);
  free(prepared);
  free(workspace);
  recur_context_free(context);
  recur_plan_free(plan);
  recur_device_free(device);
  return furthest < 1e-5f ? 0 : 1;
}
