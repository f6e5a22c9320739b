// A call recorded as a graph does what the call does, again and again, with whatever its buffers then hold.
#include "recur/graph.hpp"

#include <gtest/gtest.h>

#include "contract/session.hpp"
#include "engines/device_test.hpp"
#include "support/problem.hpp"

namespace recur::test {
namespace {

class Graphs : public DeviceTest {
 protected:
  template <class T>
  static std::span<const LayerWeights> weights(const Session<T>& session) {
    return session.weights;
  }

  template <class T>
  static void compare(const Spec& spec, const Size& size) {
    const auto problem = oracle::convert<T>(problem_for(device(), spec, size.T, size.B, 1));
    const auto upstream = oracle::convert<T>(random_output_gradients(spec, size.T, size.B, 1));
    Session<T> direct(problem, {.pass = Pass::training}, device());
    Session<T> session(problem, {.pass = Pass::training}, device());
    direct.set_upstream(upstream);
    session.set_upstream(upstream);
    session.poison_outputs();
    GraphRun forward =
        GraphRun::forward(session.plan, session.context, weights(session), session.forward_args,
                          session.workspace.bytes(), session.reserve.bytes());
    GraphRun backward =
        GraphRun::backward(session.plan, session.context, weights(session), session.backward_args,
                           session.reserve.bytes(), session.backward_workspace.bytes());
    device().synchronize();
    for (const auto value : session.y.vector()) {
      ASSERT_TRUE(std::isnan(static_cast<double>(value))) << "making a graph ran it";
    }
    for (int launch = 0; launch < 3; ++launch) {
      SCOPED_TRACE("launch " + std::to_string(launch));
      // The last launch sees other inputs in the same memory.
      if (launch == 2) {
        for (Session<T>* s : {&direct, &session}) std::reverse(s->x.data(), s->x.data() + s->x.size());
      }
      direct.forward();
      direct.backward();
      session.poison_outputs();
      forward.launch(Stream());
      backward.launch(Stream());
      device().synchronize();
      EXPECT_TRUE(same_bits(session.outputs(), direct.outputs()));
      EXPECT_TRUE(same_bits(session.all_gradients(), direct.all_gradients()));
    }
  }
};

TEST_P(Graphs, DoWhatTheCallsDo) {
  const Size size = device().option_sizes[0];
  const Spec spec = with_everything(size);
  if (device().device.props().kind == DeviceKind::cuda) {
    typed([&]<class T>() { compare<T>(spec, size); });
    return;
  }
  typed([&]<class T>() {
    Session<T> session(oracle::convert<T>(problem_for(device(), spec, size.T, size.B, 1)), {}, device());
    EXPECT_THROW(GraphRun::forward(session.plan, session.context, weights(session), session.forward_args,
                                   session.workspace.bytes()),
                 Unsupported);
  });
}

// A graph that could not be recorded leaves the context as it was.
TEST_P(Graphs, RefuseWhatTheCallsRefuse) {
  if (device().device.props().kind != DeviceKind::cuda) GTEST_SKIP() << "graphs are of CUDA devices";
  const Size size = device().option_sizes[0];
  typed([&]<class T>() {
    Session<T> session(oracle::convert<T>(problem_for(device(), with_everything(size), size.T, size.B, 1)),
                       {}, device());
    EXPECT_THROW(GraphRun::forward(session.plan, session.context, weights(session), session.forward_args,
                                   session.workspace.bytes().first(64)),
                 InvalidArgument);
    session.forward();
    EXPECT_FALSE(std::isnan(static_cast<double>(session.y[0])));
  });
}

INSTANTIATE_TEST_SUITE_P(Devices, Graphs,
                         ::testing::ValuesIn(cases(&TestDevice::types, cells_of_each_kind())), case_name);

}  // namespace
}  // namespace recur::test
