// ONNX's own tests of RNN, GRU and LSTM: models, inputs and outputs in f32 from Debian's libonnx-testdata.
//
// The expected outputs are those of another f32 program, written from the same equations: they are as wrong
// as one may be. So the rule of support/tolerance.hpp is applied on both sides, ours may differ from theirs
// by twice what it lets one differ from the oracle, with the naive run's error taken over all nodes, since
// one alone has a dozen values.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "conformance/onnx_node.hpp"
#include "conformance/onnx_run.hpp"
#include "oracle/oracle.hpp"
#include "support/tolerance.hpp"

namespace recur::test {
namespace {

constexpr const char* kNodes[] = {
    "gru_batchwise",  "gru_defaults",         "gru_seq_length",         "gru_with_initial_bias",
    "lstm_batchwise", "lstm_defaults",        "lstm_with_initial_bias", "lstm_with_peepholes",
    "rnn_seq_length", "simple_rnn_batchwise", "simple_rnn_defaults",    "simple_rnn_with_initial_bias",
};

// Engines of ours that take f32.
const std::vector<TestDevice>& devices() {
  static const std::vector<TestDevice> devices = [] {
    std::vector<TestDevice> result = test_devices();
    std::erase_if(result, [](const TestDevice& device) {
      return device.engine != EngineId::cpu && device.engine != EngineId::stepwise;
    });
    return result;
  }();
  return devices;
}

// The node as a problem of the oracle; its states are zeros.
oracle::Problem<float> problem_of(OnnxNode& node, const OnnxRun& run) {
  oracle::Problem<float> problem;
  problem.spec = run.layer.spec;
  problem.T = run.layer.shape.steps;
  problem.B = run.layer.shape.batch;
  problem.x = node.inputs[0].values();
  problem.layers = {run.weights};
  if (problem.spec.variable_lengths) {
    problem.lengths.assign(static_cast<std::size_t>(problem.B), static_cast<std::int32_t>(problem.T));
  }
  return problem;
}

struct Bound {
  double naive = 0;
  double magnitude = 0;
  double value() const { return 2 * (2 * naive + 2 * epsilon_of(DataType::f32) * magnitude); }
  void add(const std::vector<double>& oracle, const std::vector<float>& naive_values) {
    for (std::size_t i = 0; i < oracle.size(); ++i) {
      naive = std::max(naive, std::fabs(static_cast<double>(naive_values[i]) - oracle[i]));
      magnitude = std::max(magnitude, std::fabs(oracle[i]));
    }
  }
};

// Outputs of a run beside those expected.
struct Compared {
  std::string node;
  std::vector<float> ours, expected;
};

void run_node(const TestDevice& device, const std::string& name, Bound& bound,
              std::vector<Compared>& outputs) {
  OnnxNode node = read_onnx_node(RECUR_ONNX_NODE_TESTS "/test_" + name);
  std::vector<OnnxTensor> ours(3);
  for (std::size_t i = 0; i < ours.size(); ++i) {
    ours[i].shape = node.outputs[i].shape;
    ours[i].bytes = Aligned<std::byte>(node.outputs[i].bytes.size());
  }
  const OnnxRun run =
      run_onnx(device, node.attributes, node.input_views(),
               {ours[0].view<TensorView>(), ours[1].view<TensorView>(), ours[2].view<TensorView>()});
  for (std::size_t i = 0; i < ours.size(); ++i) {
    if (!ours[i].shape.empty()) outputs.push_back({name, ours[i].values(), node.outputs[i].values()});
  }

  const oracle::Problem<float> problem = problem_of(node, run);
  const auto exact = oracle::forward(oracle::convert<double>(problem));
  const auto naive = oracle::forward(problem);
  bound.add(exact.y, naive.y);
  bound.add(exact.hN, naive.hN);
}

TEST(OnnxNodes, GiveWhatOnnxExpects) {
  ASSERT_FALSE(devices().empty());
  for (const TestDevice& device : devices()) {
    SCOPED_TRACE(device.name);
    const UseMemory memory(*device.memory);
    Bound bound;
    std::vector<Compared> outputs;
    for (const char* name : kNodes) ASSERT_NO_THROW(run_node(device, name, bound, outputs)) << name;
    // 12 nodes with Y_h, 3 of them with Y.
    EXPECT_EQ(outputs.size(), 15u);
    for (const Compared& output : outputs) {
      ASSERT_EQ(output.ours.size(), output.expected.size());
      double error = 0;
      for (std::size_t i = 0; i < output.ours.size(); ++i) {
        const double difference =
            std::fabs(static_cast<double>(output.ours[i]) - static_cast<double>(output.expected[i]));
        error = difference <= error ? error : difference;  // a NaN stays
      }
      EXPECT_LE(error, bound.value()) << output.node;
    }
  }
}

}  // namespace
}  // namespace recur::test
