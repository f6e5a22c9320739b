// Calls allocate nothing, and where making something needs memory that is not there, the error is ours.
//
// This binary replaces the global allocation functions. malloc itself is replaced too where the C library
// lets us: C code would not go through operator new.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>
#include <optional>

#include "contract/session.hpp"
#include "recur/onnx.hpp"
#include "recur/recur.h"
#include "support/problem.hpp"
#include "support/spec_name.hpp"

namespace {

std::atomic<std::int64_t> allocations{0};
// Allocations by operator new until the one that fails; those after it succeed again, since an error's own
// message needs memory. Negative: none fails.
std::atomic<std::int64_t> until_failure{-1};

void* counted_new(std::size_t bytes, std::size_t alignment) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  if (until_failure.load() >= 0 && until_failure.fetch_sub(1) == 0) throw std::bad_alloc();
  const std::size_t size = (std::max<std::size_t>(bytes, 1) + alignment - 1) / alignment * alignment;
  void* memory =
      alignment <= alignof(std::max_align_t) ? std::malloc(size) : std::aligned_alloc(alignment, size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

// Not inlined: a compiler that sees malloc and free in the pair warns of a mismatch with the other half.
#define RECUR_NOT_INLINED __attribute__((noinline))
void* operator new(std::size_t bytes) { return counted_new(bytes, alignof(std::max_align_t)); }
void* operator new[](std::size_t bytes) { return counted_new(bytes, alignof(std::max_align_t)); }
void* operator new(std::size_t bytes, std::align_val_t alignment) {
  return counted_new(bytes, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t bytes, std::align_val_t alignment) {
  return counted_new(bytes, static_cast<std::size_t>(alignment));
}
RECUR_NOT_INLINED void operator delete(void* memory) noexcept { std::free(memory); }
RECUR_NOT_INLINED void operator delete[](void* memory) noexcept { std::free(memory); }
RECUR_NOT_INLINED void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
RECUR_NOT_INLINED void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
RECUR_NOT_INLINED void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
RECUR_NOT_INLINED void operator delete[](void* memory, std::align_val_t) noexcept { std::free(memory); }
RECUR_NOT_INLINED void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
  std::free(memory);
}
RECUR_NOT_INLINED void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept {
  std::free(memory);
}

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define RECUR_TEST_SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define RECUR_TEST_SANITIZED 1
#endif
#if defined(__GLIBC__) && !defined(RECUR_TEST_SANITIZED)
#define RECUR_TEST_COUNTS_MALLOC 1
extern "C" {
void* __libc_malloc(std::size_t bytes);                     // NOLINT(bugprone-reserved-identifier): its name
void* __libc_calloc(std::size_t count, std::size_t bytes);  // NOLINT(bugprone-reserved-identifier): its name
void* __libc_realloc(void* memory, std::size_t bytes);      // NOLINT(bugprone-reserved-identifier): its name
// NOLINTNEXTLINE(bugprone-reserved-identifier): its name
void* __libc_memalign(std::size_t alignment, std::size_t bytes);

void* malloc(std::size_t bytes) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  return __libc_malloc(bytes);
}
void* calloc(std::size_t count, std::size_t bytes) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  return __libc_calloc(count, bytes);
}
void* realloc(void* memory, std::size_t bytes) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  return __libc_realloc(memory, bytes);
}
void* aligned_alloc(std::size_t alignment, std::size_t bytes) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  return __libc_memalign(alignment, bytes);
}
void* memalign(std::size_t alignment, std::size_t bytes) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  return __libc_memalign(alignment, bytes);
}
int posix_memalign(void** memory, std::size_t alignment, std::size_t bytes) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  *memory = __libc_memalign(alignment, bytes);
  return *memory == nullptr ? 12 : 0;  // ENOMEM
}
}
#endif

namespace recur::test {
namespace {

// Allocations of one call: also of the first, for there is nothing to be made then.
template <class F>
std::int64_t allocations_of(F&& call) {
  const std::int64_t before = allocations.load();
  call();
  return allocations.load() - before;
}

// The counter counts, or zero would mean nothing.
TEST(Allocation, IsCounted) {
  // Calls, not expressions: a compiler may leave out a new that is deleted at once.
  EXPECT_GE(allocations_of([] { ::operator delete(::operator new(64)); }), 1);
  EXPECT_GE(allocations_of(
                [] { ::operator delete(::operator new(64, std::align_val_t(64)), std::align_val_t(64)); }),
            1);
#if defined(RECUR_TEST_COUNTS_MALLOC)
  EXPECT_GE(allocations_of([] {
              void* volatile memory = std::malloc(100);
              std::free(memory);
            }),
            1);
#endif
}

class Allocation : public ::testing::TestWithParam<Spec> {
 protected:
  template <class T>
  void expect_none(bool batch_invariant, int threads) {
    Spec spec = GetParam();
    const SharedWork sizes = all_groups(spec);
    spec.input_size = 5;
    set_hidden(spec, sizes.H);
    spec.layers = 2;
    spec.direction = Direction::bidirectional;
    spec.dtype = storage_type<T>;
    spec.variable_lengths = true;
    spec.reset_mask = true;
    spec.cell_sequence = spec.cell == Cell::lstm;
    const auto problem = oracle::convert<T>(random_problem(spec, sizes.T, sizes.B, 1));
    {
      Session<T> training(problem,
                          {.pass = Pass::training, .threads = threads, .batch_invariant = batch_invariant});
      ASSERT_EQ(training.plan.threads(), threads);
      training.set_upstream(oracle::convert<T>(random_output_gradients(spec, sizes.T, sizes.B, 2)));
      EXPECT_EQ(allocations_of([&] { training.forward(); }), 0);
      EXPECT_EQ(allocations_of([&] { training.backward(); }), 0);
    }
    Session<T> inference(problem, {.threads = threads, .batch_invariant = batch_invariant});
    EXPECT_EQ(allocations_of([&] { inference.forward(); }), 0);
    EXPECT_EQ(allocations_of([&] { inference.prepare(); }), 0);
    EXPECT_EQ(allocations_of([&] { inference.forward_prepared(); }), 0);
  }
};

// More threads than processors wait for each other's turns, which takes minutes when every access is checked.
#ifdef RECUR_INSTRUMENTED
constexpr int kThreads[] = {1, 2};
#else
constexpr int kThreads[] = {1, 2, 8};
#endif

TEST_P(Allocation, NoneInAnyCall) {
  for (bool batch_invariant : {false, true}) {
    for (int threads : kThreads) {
      SCOPED_TRACE(std::string(batch_invariant ? "batch invariant" : "plain") + ", threads " +
                   std::to_string(threads));
      expect_none<float>(batch_invariant, threads);
      if (threads == 2) expect_none<double>(batch_invariant, threads);
      if (threads == 2) expect_none<Bf16>(batch_invariant, threads);
    }
  }
}

TEST_P(Allocation, NoneInStepAndGenerate) {
  Spec spec = GetParam();
  set_hidden(spec, 17);
  spec.input_size = output_size_of(spec);
  spec.layers = 3;
  const auto problem = oracle::convert<float>(random_problem(spec, 1, 4, 1));
  Session<float> session(problem, {});
  session.prepare();
  StepArgs args;
  args.x = ConstTensorView(session.x.data(), {4, spec.input_size});
  args.y = TensorView(session.y.data(), {4, output_size_of(spec)});
  args.h = session.h_state(session.h0);
  args.c = session.c_state(session.c0);
  Aligned<float> fed_y(static_cast<std::size_t>(5 * 4 * output_size_of(spec)));
  GenerateArgs fed;
  fed.x = TensorView(session.x.data(), {4, spec.input_size});
  fed.y = TensorView(fed_y.data(), {5, 4, output_size_of(spec)});
  fed.h = args.h;
  fed.c = args.c;
  for (const Weights& weights :
       {Weights(session.prepared), Weights(std::span<const LayerWeights>(session.weights))}) {
    EXPECT_EQ(allocations_of([&] {
                step(session.plan, session.context, Stream(), weights, args, session.workspace.bytes());
              }),
              0);
    EXPECT_EQ(allocations_of([&] {
                generate(session.plan, session.context, Stream(), weights, fed, session.workspace.bytes());
              }),
              0);
  }
}

INSTANTIATE_TEST_SUITE_P(Cpu, Allocation, ::testing::ValuesIn(cells_of_each_kind()),
                         [](const auto& instance) { return camel_case(cell_name(instance.param)); });

// Lets the first allocation of a call fail, then the second, and so on until there is none left to fail: each
// failure on the way is OutOfMemory.
template <class F>
void expect_out_of_memory(const char* name, F&& call) {
  for (std::int64_t failing = 0;; ++failing) {
    ASSERT_LT(failing, 1000) << name;
    const char* thrown = "nothing";
    until_failure = failing;
    try {
      call();
    } catch (const OutOfMemory&) {
      thrown = "OutOfMemory";
    } catch (const std::exception&) {
      thrown = "another error";
    }
    const bool failed = until_failure.exchange(-1) < 0;
    if (!failed) {
      EXPECT_STREQ(thrown, "nothing") << name;
      EXPECT_GT(failing, 0) << name << " never needed memory";
      return;
    }
    EXPECT_STREQ(thrown, "OutOfMemory") << name << ", allocation " << failing;
  }
}

TEST(OutOfMemory, IsTypedWhereverMemoryIsTaken) {
  Spec spec;
  spec.input_size = 3;
  spec.hidden_size = 5;
  const Device device = Device::cpu();
  expect_out_of_memory("make_plan", [&] { make_plan(spec, {2, 3}, device); });
  expect_out_of_memory("Context", [&] { Context context(device); });
  expect_out_of_memory("ThreadTeam", [&] { ThreadTeam team(3); });
  expect_out_of_memory("survey_engines", [&] { survey_engines(spec, {2, 3}, device); });
}

// Conversions of weights, and files of them.
TEST(OutOfMemory, IsTypedInConversions) {
  Spec spec;
  spec.input_size = 4;
  spec.hidden_size = 4;
  Aligned<float> W(64), R(64), bW(16), bR(16);
  const BasicLayerWeights<TensorView> layer = {
      {W.data(), {1, 16, 4}}, {R.data(), {1, 16, 4}}, {bW.data(), {1, 16}}, {bR.data(), {1, 16}}, {}, {}};
  const LayerWeights weights = {layer.W, layer.R, layer.bW, layer.bR, {}, {}};
  const std::span<const LayerWeights> from(&weights, 1);
  const std::span<const BasicLayerWeights<TensorView>> to(&layer, 1);
  Aligned<float> other_W(64), other_R(64), other_b(32);
  const TensorView foreign[] = {
      {other_W.data(), {1, 16, 4}}, {other_R.data(), {1, 16, 4}}, {other_b.data(), {1, 32}}};
  const ConstTensorView read[] = {foreign[0], foreign[1], foreign[2]};
  constexpr WeightFormat kFormat = WeightFormat::onnx;
  expect_out_of_memory("format_tensors", [&] { static_cast<void>(format_tensors(kFormat, spec, 0)); });
  expect_out_of_memory("export_weights", [&] { export_weights(kFormat, spec, 0, weights, foreign); });
  expect_out_of_memory("import_weights", [&] { import_weights(kFormat, spec, 0, read, layer); });
  expect_out_of_memory("export_gradients", [&] { export_gradients(kFormat, spec, 0, weights, foreign); });
  expect_out_of_memory("import_gradients", [&] { import_gradients(kFormat, spec, 0, read, layer); });
  expect_out_of_memory("export_state_dict", [&] { static_cast<void>(export_state_dict(spec, from)); });
  const std::vector<std::byte> file = export_state_dict(spec, from);
  expect_out_of_memory("parse_safetensors", [&] { static_cast<void>(parse_safetensors(file)); });
  const Safetensors parsed = parse_safetensors(file);
  expect_out_of_memory("import_state_dict", [&] { import_state_dict(spec, parsed, "", to); });
}

// An ONNX node of two directions, whose Y is filled by a second call.
TEST(OutOfMemory, IsTypedInOnnx) {
  Aligned<float> X(8), W(64), R(64), Y(16), y(16);
  const OnnxAttributes attributes{.op_type = "GRU",
                                  .hidden_size = 2,
                                  .direction = "bidirectional",
                                  .activations = {"sigmoid", "tanh", "sigmoid", "tanh"}};
  OnnxInputs inputs;
  inputs.X = {X.data(), {2, 2, 2}};
  inputs.W = {W.data(), {2, 6, 2}};
  inputs.R = {R.data(), {2, 6, 2}};
  OnnxOutputs outputs;
  outputs.Y = {Y.data(), {2, 2, 2, 2}};
  expect_out_of_memory("onnx_layer", [&] { static_cast<void>(onnx_layer(attributes, inputs, outputs)); });
  const OnnxLayer layer = onnx_layer(attributes, inputs, outputs);
  expect_out_of_memory("store_onnx_y", [&] { store_onnx_y(layer, {y.data(), {2, 2, 4}}); });
}

// The C interface says it in its own way.
TEST(OutOfMemory, IsAStatusInC) {
  recur_spec spec;
  recur_spec_init(&spec);
  spec.input_size = 3;
  spec.hidden_size = 5;
  recur_device* device = nullptr;
  ASSERT_EQ(recur_device_cpu(&device, nullptr), RECUR_SUCCESS);
  recur_error error;
  int failures = 0;
  for (;; ++failures) {
    ASSERT_LT(failures, 1000);
    recur_plan* plan = nullptr;
    until_failure = failures;
    const recur_status status = recur_plan_create(&spec, 2, 3, device, nullptr, &plan, &error);
    const bool failed = until_failure.exchange(-1) < 0;
    EXPECT_EQ(status, failed ? RECUR_OUT_OF_MEMORY : RECUR_SUCCESS)
        << "allocation " << failures << ": " << error.message;
    EXPECT_EQ(plan == nullptr, failed);
    recur_plan_free(plan);
    if (!failed) break;
  }
  EXPECT_GT(failures, 0);
  recur_device_free(device);
}

TEST(Allocation, NoneInCallsFromC) {
  Aligned<float> W(24), R(16), x(6), y(4), workspace_memory(4096);
  recur_spec spec;
  recur_spec_init(&spec);
  spec.cell = RECUR_RNN;
  spec.bias = RECUR_BIAS_NONE;
  spec.input_size = 3;
  spec.hidden_size = 2;
  recur_device* device = nullptr;
  recur_plan* plan = nullptr;
  recur_context* context = nullptr;
  recur_error error;
  ASSERT_EQ(recur_device_cpu(&device, &error), RECUR_SUCCESS) << error.message;
  ASSERT_EQ(recur_plan_create(&spec, 2, 1, device, nullptr, &plan, &error), RECUR_SUCCESS) << error.message;
  ASSERT_EQ(recur_context_create(device, nullptr, &context, &error), RECUR_SUCCESS) << error.message;
  const auto tensor = [](Aligned<float>& memory, std::int64_t a, std::int64_t b, std::int64_t c) {
    const std::int64_t shape[] = {a, b, c};
    return recur_tensor_dense(memory.data(), RECUR_F32, 3, shape);
  };
  recur_layer_weights layer = {};
  layer.W = tensor(W, 1, 2, 3);
  layer.R = tensor(R, 1, 2, 2);
  const recur_weights weights = {&layer, 1, {}};
  recur_forward_args args;
  recur_forward_args_init(&args);
  args.x = tensor(x, 2, 1, 3);
  args.y = tensor(y, 2, 1, 2);
  EXPECT_EQ(allocations_of([&] {
              EXPECT_EQ(recur_forward(plan, context, nullptr, &weights, &args, workspace_memory.data(),
                                      workspace_memory.size() * sizeof(float), nullptr, 0, &error),
                        RECUR_SUCCESS)
                  << error.message;
            }),
            0);
  recur_context_free(context);
  recur_plan_free(plan);
  recur_device_free(device);
}

}  // namespace
}  // namespace recur::test
