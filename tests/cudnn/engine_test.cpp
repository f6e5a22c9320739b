// What the cudnn engine makes of plans and calls beyond right results: what it asks of cuDNN, what it says of
// its algorithms, and what it refuses.
#include <gtest/gtest.h>

#include "contract/session.hpp"
#include "cudnn/stand_in.hpp"
#include "engines/cudnn_device.hpp"
#include "engines/simt_device.hpp"
#include "support/problem.hpp"

namespace recur::test {
namespace {

const TestDevice& the_device() {
  static const TestDevice device = [] {
    TestDevice result = simt_device("cudnn", EngineId::cudnn);
    describe_cudnn(result);
    return result;
  }();
  return device;
}

Spec layer(Cell cell = Cell::lstm) {
  Spec spec;
  spec.cell = cell;
  spec.input_size = 3;
  spec.hidden_size = 6;
  return spec;
}

Plan plan_of(const Spec& spec, Options options = {}, Shape shape = {5, 4}) {
  options.engine = EngineId::cudnn;
  return make_plan(spec, shape, Device::cuda(0), options);
}

std::string refusal(const Spec& spec, const Options& options = {}, Shape shape = {5, 4}) {
  try {
    plan_of(spec, options, shape);
  } catch (const Unsupported& error) {
    return error.what();
  }
  return "planned";
}

oracle::Problem<float> problem_of(const Spec& spec, Index T = 5, Index B = 4) {
  return oracle::convert<float>(problem_for(the_device(), spec, T, B, 1));
}

constexpr std::pair<CudnnAlgorithm, cudnnRNNAlgo_t> kAlgorithms[] = {
    {CudnnAlgorithm::standard, CUDNN_RNN_ALGO_STANDARD},
    {CudnnAlgorithm::persist_static, CUDNN_RNN_ALGO_PERSIST_STATIC},
    {CudnnAlgorithm::persist_dynamic, CUDNN_RNN_ALGO_PERSIST_DYNAMIC},
    {CudnnAlgorithm::persist_static_small_h, CUDNN_RNN_ALGO_PERSIST_STATIC_SMALL_H}};

TEST(CudnnPlans, RunTheAlgorithmThatIsNamed) {
  std::vector<std::uint64_t> fingerprints;
  for (const auto& [algorithm, native] : kAlgorithms) {
    TestDevice device = the_device();
    device.cudnn_algorithm = algorithm;
    const Spec spec = layer();
    Session<float> session(problem_of(spec), {.pass = Pass::training}, device);
    EXPECT_NE(session.plan.tile().find("algorithm " + std::string(name_of(algorithm))), std::string::npos)
        << session.plan.tile();
    EXPECT_EQ(session.plan.tile().find("cuDNN 9."), 0u) << session.plan.tile();
    session.forward();
    EXPECT_EQ(cudnn::seen().algorithm, native);
    fingerprints.push_back(session.plan.fingerprint());
  }
  std::sort(fingerprints.begin(), fingerprints.end());
  EXPECT_EQ(std::unique(fingerprints.begin(), fingerprints.end()), fingerprints.end());
}

TEST(CudnnPlans, SayHowFastEachAlgorithmIs) {
  for (Pass pass : {Pass::inference, Pass::training}) {
    const int before = cudnn::seen().passes;
    const int of_zeros = cudnn::seen().of_zeros;
    const Plan plan = plan_of(layer(), {.pass = pass, .cudnn_algorithm = CudnnAlgorithm::fastest});
    EXPECT_GT(cudnn::seen().passes, before);
    EXPECT_EQ(cudnn::seen().of_zeros, of_zeros) << "a product of zeros may be faster than one of numbers";
    for (const auto& [algorithm, native] : kAlgorithms) {
      EXPECT_NE(plan.tile().find(std::string(name_of(algorithm)) + " "), std::string::npos) << plan.tile();
    }
    EXPECT_NE(plan.tile().find("the fastest of "), std::string::npos) << plan.tile();
  }
  // One that is too large for an algorithm is timed in the others.
  Spec large = layer();
  large.hidden_size = 40;
  const std::string tile = plan_of(large, {.cudnn_algorithm = CudnnAlgorithm::fastest}).tile();
  EXPECT_NE(tile.find("refused persist-static-small-h: "), std::string::npos) << tile;
  // Only algorithms that take lengths, and the type.
  Spec varying = layer();
  varying.variable_lengths = true;
  varying.dtype = DataType::f64;
  const std::string only = plan_of(varying, {.cudnn_algorithm = CudnnAlgorithm::fastest}).tile();
  EXPECT_NE(only.find("standard"), std::string::npos) << only;
  EXPECT_EQ(only.find("persist"), std::string::npos) << only;
}

// Taken at planning, and failing at run: no reason to have no plan.
TEST(CudnnPlans, RefuseTheAlgorithmThatFailsInItsTrial) {
  cudnn::fail_to_run(CUDNN_RNN_ALGO_PERSIST_STATIC);
  const Plan plan = plan_of(layer(), {.cudnn_algorithm = CudnnAlgorithm::fastest});
  cudnn::fail_to_run(std::nullopt);
  EXPECT_NE(plan.tile().find("refused persist-static: "), std::string::npos) << plan.tile();
  EXPECT_NE(plan.tile().find("the fastest of "), std::string::npos) << plan.tile();
}

TEST(CudnnPlans, MathIsExactUnlessAsked) {
  const auto math_type = [](DataType type, bool tf32) {
    Spec spec = layer();
    spec.dtype = type;
    with_storage(type, [&]<class T>() {
      const auto problem = oracle::convert<T>(random_problem(spec, 2, 2, 1));
      Session<T> session(problem, {.tf32 = tf32}, the_device());
      session.forward();
    });
    return cudnn::seen().math_type;
  };
  EXPECT_EQ(math_type(DataType::f32, false), CUDNN_FMA_MATH);
  EXPECT_EQ(math_type(DataType::f32, true), CUDNN_TENSOR_OP_MATH);
  EXPECT_EQ(math_type(DataType::f16, false), CUDNN_TENSOR_OP_MATH);
  EXPECT_EQ(math_type(DataType::bf16, false), CUDNN_TENSOR_OP_MATH);
  EXPECT_EQ(math_type(DataType::f64, false), CUDNN_DEFAULT_MATH);
}

TEST(CudnnPlans, NeedTheLibraryAndTheDevice) {
  cudnn::fail_to_load("no such file");
  EXPECT_NE(refusal(layer()).find("cudnn: cuDNN 9 cannot be loaded: no such file"), std::string::npos)
      << refusal(layer());
  cudnn::fail_to_load("");
  EXPECT_EQ(refusal(layer()), "planned");
  DeviceProps props = Device::cuda(0).props();
  props.cuda.ordinal = -1;
  try {
    make_plan(layer(), {1, 1}, Device::from_props(props), {.engine = EngineId::cudnn});
    ADD_FAILURE() << "planned for a device that is only described";
  } catch (const Unsupported& error) {
    EXPECT_NE(std::string(error.what()).find("cudnn: needs the device to plan for it"), std::string::npos)
        << error.what();
  }
}

TEST(CudnnPlans, PassOnWhatCudnnRefuses) {
  Spec spec = layer();
  spec.hidden_size = 40;
  const std::string reason = refusal(spec, {.cudnn_algorithm = CudnnAlgorithm::persist_static_small_h});
  EXPECT_NE(reason.find("cuDNN refuses: persist-static-small-h: cudnnGetRNNTempSpaceSizes"),
            std::string::npos)
      << reason;
}

// Handles and descriptors end with what they were made for.
TEST(CudnnPlans, KeepNothing) {
  const int before = cudnn::seen().live_objects;
  {
    const Plan plan = plan_of(layer(), {.cudnn_algorithm = CudnnAlgorithm::fastest});
    EXPECT_EQ(cudnn::seen().live_objects, before);
    TestDevice alone = the_device();
    alone.shared_context = nullptr;
    Session<float> session(problem_of(layer()), {}, alone);
    session.forward();
    EXPECT_GT(cudnn::seen().live_objects, before);
  }
  EXPECT_EQ(cudnn::seen().live_objects, before);
}

// Code that is compiled for a batch is compiled once for it.
TEST(CudnnCalls, BuildDynamicCodeOnce) {
  TestDevice device = the_device();
  device.cudnn_algorithm = CudnnAlgorithm::persist_dynamic;
  Session<float> session(problem_of(layer(), 5, 3), {}, {5, 4}, device);
  const int planned = cudnn::seen().built;
  session.forward();
  EXPECT_EQ(cudnn::seen().built, planned + 1) << "a batch of 3 has code of its own";
  session.forward();
  EXPECT_EQ(cudnn::seen().built, planned + 1);
}

template <class E, class Call>
void expect_refused(Call&& call, const char* reason) {
  const int before = cudnn::seen().passes;
  try {
    call();
    ADD_FAILURE() << "not refused: " << reason;
  } catch (const E& error) {
    EXPECT_NE(std::string(error.what()).find(reason), std::string::npos) << error.what();
  }
  EXPECT_EQ(cudnn::seen().passes, before);
}

TEST(CudnnCalls, NeedLengthsOnTheHost) {
  Spec spec = layer();
  spec.variable_lengths = true;
  Session<float> session(problem_of(spec), {.pass = Pass::training}, the_device());
  session.set_upstream(oracle::convert<float>(random_output_gradients(spec, 5, 4, 1)));
  session.forward();
  std::vector<std::int32_t> lengths = session.lengths.vector();
  for (const std::int32_t length : {0, -3}) {
    lengths[2] = length;
    session.forward_args.host_lengths = session.backward_args.host_lengths = lengths.data();
    const std::string reason = "got " + std::to_string(length) + " for sequence 2";
    expect_refused<Unsupported>([&] { session.forward(); }, reason.c_str());
    expect_refused<Unsupported>([&] { session.backward(); }, reason.c_str());
  }
  session.forward_args.host_lengths = session.backward_args.host_lengths = nullptr;
  expect_refused<InvalidArgument>([&] { session.forward(); }, "host_lengths: expected a copy");
  expect_refused<InvalidArgument>([&] { session.backward(); }, "host_lengths: expected a copy");
}

TEST(CudnnCalls, TakeDenseTensorsOnly) {
  const Spec spec = layer();
  Session<float> session(problem_of(spec), {.pass = Pass::training}, the_device());
  session.set_upstream(oracle::convert<float>(random_output_gradients(spec, 5, 4, 1)));
  Aligned<float> memory(5 * 4 * 16);
  const TensorView x(memory.data(), DataType::f32, {5, 4, 3}, {4 * 8, 8, 1});
  const TensorView y(memory.data(), DataType::f32, {5, 4, 6}, {4 * 8, 8, 1});
  const TensorView swapped(memory.data(), DataType::f32, {5, 4, 6}, {6, 5 * 6, 1});
  const TensorView state(memory.data(), DataType::f32, {1, 1, 4, 6}, {64, 64, 8, 1});
  const auto forward_with = [&](auto ForwardArgs::*member, const TensorView& view, const char* name) {
    const ForwardArgs before = session.forward_args;
    session.forward_args.*member = view;
    expect_refused<InvalidArgument>([&] { session.forward(); }, name);
    session.forward_args = before;
  };
  forward_with(&ForwardArgs::x, x, "x: expected a dense tensor");
  forward_with(&ForwardArgs::y, y, "y: expected a dense tensor");
  forward_with(&ForwardArgs::y, swapped, "y: expected a dense tensor");
  forward_with(&ForwardArgs::h0, state, "h0: expected a dense tensor");
  forward_with(&ForwardArgs::c0, state, "c0: expected a dense tensor");
  forward_with(&ForwardArgs::hN, state, "hN: expected a dense tensor");
  forward_with(&ForwardArgs::cN, state, "cN: expected a dense tensor");
  session.forward();
  const auto backward_with = [&](auto BackwardArgs::*member, const TensorView& view, const char* name) {
    const BackwardArgs before = session.backward_args;
    session.backward_args.*member = view;
    expect_refused<InvalidArgument>([&] { session.backward(); }, name);
    session.backward_args = before;
  };
  backward_with(&BackwardArgs::x, x, "x: expected a dense tensor");
  backward_with(&BackwardArgs::y, y, "y: expected a dense tensor");
  backward_with(&BackwardArgs::dy, y, "dy: expected a dense tensor");
  backward_with(&BackwardArgs::dx, x, "dx: expected a dense tensor");
  backward_with(&BackwardArgs::h0, state, "h0: expected a dense tensor");
  backward_with(&BackwardArgs::c0, state, "c0: expected a dense tensor");
  backward_with(&BackwardArgs::dhN, state, "dhN: expected a dense tensor");
  backward_with(&BackwardArgs::dcN, state, "dcN: expected a dense tensor");
  backward_with(&BackwardArgs::dh0, state, "dh0: expected a dense tensor");
  backward_with(&BackwardArgs::dc0, state, "dc0: expected a dense tensor");
}

// Weights, unlike the rest, are copied, from rows at any distance.
TEST(CudnnCalls, TakeWeightsWithGaps) {
  Spec spec = layer(Cell::gru);
  spec.direction = Direction::bidirectional;
  Session<float> dense(problem_of(spec), {.pass = Pass::training}, the_device());
  Session<float> gapped(problem_of(spec), {.pass = Pass::training}, the_device());
  const auto upstream = oracle::convert<float>(random_output_gradients(spec, 5, 4, 1));
  const Index rows = 3 * 6;
  Aligned<float> W(static_cast<std::size_t>(2 * (rows * 8 + 4)));
  Aligned<float> dR(static_cast<std::size_t>(2 * (rows * 12 + 4)));
  const auto at = [](Index stride, Index d, Index row, Index column) {
    return static_cast<std::size_t>(d * (rows * stride + 4) + row * stride + column);
  };
  for (Index d = 0; d < 2; ++d) {
    for (Index row = 0; row < rows; ++row) {
      for (Index k = 0; k < 3; ++k)
        W[at(8, d, row, k)] = dense.layers[0].W[static_cast<std::size_t>((d * rows + row) * 3 + k)];
    }
  }
  gapped.weights[0].W = ConstTensorView(W.data(), DataType::f32, {2, rows, 3}, {rows * 8 + 4, 8, 1});
  gapped.gradient_views[0].R = TensorView(dR.data(), DataType::f32, {2, rows, 6}, {rows * 12 + 4, 12, 1});
  gapped.backward_args.dweights = gapped.gradient_views;
  for (Session<float>* session : {&dense, &gapped}) {
    session->set_upstream(upstream);
    session->forward();
    session->backward();
  }
  EXPECT_EQ(gapped.y.vector(), dense.y.vector());
  EXPECT_EQ(gapped.dx.vector(), dense.dx.vector());
  for (Index d = 0; d < 2; ++d) {
    for (Index row = 0; row < rows; ++row) {
      for (Index k = 0; k < 6; ++k) {
        EXPECT_EQ(dR[at(12, d, row, k)],
                  dense.gradients[0].R[static_cast<std::size_t>((d * rows + row) * 6 + k)]);
      }
      EXPECT_NE(dR[at(12, d, row, 6)], dR[at(12, d, row, 6)]) << "a gap was written";
    }
  }
}

// What is not given is zero, and what is not asked for is not written.
TEST(CudnnCalls, LeaveOutWhatIsNotGiven) {
  const Spec spec = layer();
  const auto problem = problem_of(spec);
  auto without_states = problem;
  std::fill(without_states.h0.begin(), without_states.h0.end(), 0.0f);
  std::fill(without_states.c0.begin(), without_states.c0.end(), 0.0f);
  oracle::OutputGradients<float> upstream = oracle::convert<float>(random_output_gradients(spec, 5, 4, 1));
  std::fill(upstream.dy.begin(), upstream.dy.end(), 0.0f);
  std::fill(upstream.dcN.begin(), upstream.dcN.end(), 0.0f);
  Session<float> full(without_states, {.pass = Pass::training}, the_device());
  full.set_upstream(upstream);
  full.forward();
  full.backward();

  Session<float> bare(problem, {.pass = Pass::training}, the_device());
  bare.set_upstream(upstream);
  bare.poison_outputs();
  const float untouched = bare.dx[0];
  bare.forward_args.h0 = bare.forward_args.c0 = {};
  bare.forward_args.hN = bare.forward_args.cN = {};
  bare.forward();
  EXPECT_EQ(bare.y.vector(), full.y.vector());
  bare.backward_args.h0 = bare.backward_args.c0 = {};
  bare.backward_args.dy = bare.backward_args.dcN = {};
  bare.backward_args.dx = bare.backward_args.dc0 = {};
  bare.gradient_views[0].W = bare.gradient_views[0].bR = {};
  const std::vector<float> W = bare.gradients[0].W.vector();
  bare.backward_args.dweights = bare.gradient_views;
  bare.backward();
  EXPECT_EQ(bare.dh0.vector(), full.dh0.vector());
  EXPECT_EQ(bare.gradients[0].R.vector(), full.gradients[0].R.vector());
  EXPECT_EQ(bare.gradients[0].bW.vector(), full.gradients[0].bW.vector());
  EXPECT_EQ(bare.gradients[0].W.vector(), W);
  EXPECT_EQ(std::isnan(bare.dx[0]), std::isnan(untouched));

  // No gradients of weights at all.
  bare.dh0.poison();
  bare.backward_args.dweights = {};
  bare.backward();
  EXPECT_EQ(bare.dh0.vector(), full.dh0.vector());
}

}  // namespace
}  // namespace recur::test
