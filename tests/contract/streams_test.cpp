// Two calls at once, each with a context and a stream of its own, on one set of weights: neither changes the
// other's bits.
#include <gtest/gtest.h>

#include "contract/session.hpp"
#include "engines/device_test.hpp"
#include "support/problem.hpp"

namespace recur::test {
namespace {

class TwoStreams : public DeviceTest {
 protected:
  template <class T>
  static void compare(const Spec& spec, const Size& size) {
    const auto upstream = oracle::convert<T>(random_output_gradients(spec, size.T, size.B, 1));
    // The same model over other inputs: only x differs.
    auto problem = oracle::convert<T>(random_problem(spec, size.T, size.B, 1));
    Session<T> first(problem, {.pass = Pass::training}, device());
    std::reverse(problem.x.begin(), problem.x.end());
    Session<T> second(problem, {.pass = Pass::training}, device());
    Session<T>* const sessions[] = {&first, &second};
    std::vector<oracle::Outputs<T>> outputs;
    std::vector<oracle::Gradients<T>> gradients;
    for (Session<T>* session : sessions) {
      session->set_upstream(upstream);
      session->forward();
      session->backward();
      outputs.push_back(session->outputs());
      gradients.push_back(session->all_gradients());
      session->poison_outputs();
    }

    Context contexts[] = {Context(device().device), Context(device().device)};
    const Stream streams[] = {device().stream(0), device().stream(1)};
    const std::span<const LayerWeights> weights = first.weights;
    for (int i = 0; i < 2; ++i) {
      Session<T>& s = *sessions[i];
      recur::forward(s.plan, contexts[i], streams[i], weights, s.forward_args, s.workspace.bytes(),
                     s.reserve.bytes());
    }
    for (int i = 0; i < 2; ++i) {
      Session<T>& s = *sessions[i];
      recur::backward(s.plan, contexts[i], streams[i], weights, s.backward_args, s.reserve.bytes(),
                      s.backward_workspace.bytes());
    }
    device().synchronize();
    for (std::size_t i = 0; i < 2; ++i) {
      EXPECT_TRUE(same_bits(sessions[i]->outputs(), outputs[i])) << "stream " << i;
      EXPECT_TRUE(same_bits(sessions[i]->all_gradients(), gradients[i])) << "stream " << i;
    }
  }
};

TEST_P(TwoStreams, DoNotDisturbEachOther) {
  Spec spec = sized(device().option_sizes[0]);
  spec.layers = 2;
  spec.direction = Direction::bidirectional;
  typed([&]<class T>() { compare<T>(spec, device().option_sizes[0]); });
}

INSTANTIATE_TEST_SUITE_P(Devices, TwoStreams,
                         ::testing::ValuesIn(cases(&TestDevice::types, cells_of_each_kind())), case_name);

}  // namespace
}  // namespace recur::test
