// Calls of no steps or no sequences: states pass through, gradients of weights are zero, nothing else is
// written. On every device.
#include <cmath>

#include "contract/session.hpp"
#include "engines/device_test.hpp"
#include "recur/graph.hpp"
#include "support/problem.hpp"

namespace recur::test {
namespace {

// The calls of a session, with T and B of their own and states whose rows have gaps.
template <class T>
class EmptyCalls {
 public:
  EmptyCalls(const TestDevice& device, const Spec& spec, const Size& planned, Index steps, Index batch,
             Pass pass)
      : session(oracle::convert<T>(problem_for(device, spec, planned.T, planned.B, 1)), {.pass = pass},
                device),
        steps_(steps),
        batch_(batch) {
    session.set_upstream(oracle::convert<T>(random_output_gradients(spec, planned.T, planned.B, 2)));
    ForwardArgs& f = session.forward_args;
    BackwardArgs& b = session.backward_args;
    for (ConstTensorView* view : {&f.x, &f.reset_mask, &b.x, &b.reset_mask, &b.y, &b.dy, &b.dc_sequence})
      *view = sequence(*view);
    for (TensorView* view : {&f.y, &f.c_sequence, &b.dx}) *view = sequence(*view);
    for (ConstTensorView* view : {&f.h0, &f.c0, &b.h0, &b.c0, &b.dhN, &b.dcN}) *view = state(*view);
    for (TensorView* view : {&f.hN, &f.cN, &b.dh0, &b.dc0}) *view = state(*view);
    if (f.lengths.given()) f.lengths = b.lengths = ConstTensorView(session.lengths.data(), {batch});
    session.poison_outputs();
  }

  // A [T][B][...] view of the call's sizes; it has no elements, and no memory.
  template <class View>
  View sequence(const View& view) const {
    if (!view.given()) return {};
    const bool time_major = session.spec.layout == Layout::time_major;
    const Index first = time_major ? steps_ : batch_, second = time_major ? batch_ : steps_;
    if (view.rank() == 2) return View(nullptr, view.type(), {first, second});
    return View(nullptr, view.type(), {first, second, view.size(2)});
  }
  template <class View>
  View state(const View& view) const {
    if (!view.given()) return {};
    return View(view.data(), view.type(), {view.size(0), view.size(1), batch_, view.size(3)},
                {view.stride(0), view.stride(1), view.stride(2), 1});
  }
  // What a view of a state has, of the sequences that it has.
  std::vector<T> values(const ConstTensorView& view) const {
    std::vector<T> result;
    const auto* data = static_cast<const T*>(view.data());
    for (Index l = 0; view.given() && l < view.size(0); ++l) {
      for (Index d = 0; d < view.size(1); ++d) {
        for (Index b = 0; b < view.size(2); ++b) {
          const T* row = data + l * view.stride(0) + d * view.stride(1) + b * view.stride(2);
          result.insert(result.end(), row, row + view.size(3));
        }
      }
    }
    return result;
  }

  Session<T> session;

 private:
  Index steps_, batch_;
};

template <class T>
bool all_are(const std::vector<T>& values, double expected) {
  return std::ranges::all_of(values, [&](T value) { return static_cast<double>(value) == expected; });
}
template <class T>
bool all_are_poison(const Aligned<T>& tensor) {
  const std::vector<T> values = tensor.vector();
  return std::ranges::all_of(values, [](T value) { return std::isnan(static_cast<double>(value)); });
}

// Of every gradient of weights: `is` of all its elements.
template <class T, class Is>
void expect_gradients(const Session<T>& session, Is&& is) {
  for (const LayerTensors<T>& layer : session.gradients) {
    for (const Aligned<T>* tensor :
         {&layer.W, &layer.R, &layer.bW, &layer.bR, &layer.peephole, &layer.projection})
      EXPECT_TRUE(is(*tensor));
  }
}

class Empty : public DeviceTest {
 protected:
  // f.template operator()<T>(spec, planned size, T, B) for what there can be none of, in both layouts.
  template <class F>
  void each_size(F&& f) {
    const Size& size = device().option_sizes[0];
    Spec spec = with_everything(size);
    if (!takes(spec)) return;
    for (const Layout layout : {Layout::time_major, Layout::batch_major}) {
      spec.layout = layout;
      for (const auto& [steps, batch] : {std::pair<Index, Index>{0, size.B}, {0, 1}, {size.T, 0}, {0, 0}}) {
        SCOPED_TRACE(spec_name(spec) + " T=" + std::to_string(steps) + " B=" + std::to_string(batch));
        typed([&]<class T>() { f.template operator()<T>(spec, size, steps, batch); });
      }
    }
  }
};

TEST_P(Empty, StatesPassThrough) {
  each_size([&]<class T>(const Spec& spec, const Size& size, Index steps, Index batch) {
    for (const Pass pass : {Pass::inference, Pass::training}) {
      EmptyCalls<T> calls(device(), spec, size, steps, batch, pass);
      const ForwardArgs& args = calls.session.forward_args;
      calls.session.forward();
      EXPECT_TRUE(same_bits(calls.values(args.hN), calls.values(args.h0)));
      EXPECT_TRUE(same_bits(calls.values(args.cN), calls.values(args.c0)));
      EXPECT_TRUE(all_are_poison(calls.session.y)) << "written without being given";
      if (batch == 0) {
        EXPECT_TRUE(all_are_poison(calls.session.hN));
      }
    }
  });
}

TEST_P(Empty, StatesThatAreNotGivenAreZeros) {
  each_size([&]<class T>(const Spec& spec, const Size& size, Index steps, Index batch) {
    EmptyCalls<T> calls(device(), spec, size, steps, batch, Pass::inference);
    ForwardArgs& args = calls.session.forward_args;
    args.h0 = args.c0 = {};
    calls.session.forward();
    EXPECT_TRUE(all_are(calls.values(args.hN), 0));
    EXPECT_TRUE(all_are(calls.values(args.cN), 0));
  });
}

TEST_P(Empty, StatesInPlaceStay) {
  each_size([&]<class T>(const Spec& spec, const Size& size, Index steps, Index batch) {
    EmptyCalls<T> calls(device(), spec, size, steps, batch, Pass::inference);
    Session<T>& session = calls.session;
    const std::vector<T> h = session.h0.vector(), c = session.c0.vector();
    session.forward_args.hN = calls.state(session.h_state(session.h0));
    session.forward_args.cN = calls.state(session.c_state(session.c0));
    session.forward();
    EXPECT_TRUE(same_bits(session.h0.vector(), h));
    EXPECT_TRUE(same_bits(session.c0.vector(), c));
  });
}

TEST_P(Empty, GradientsPassThroughAndThoseOfWeightsAreZero) {
  each_size([&]<class T>(const Spec& spec, const Size& size, Index steps, Index batch) {
    EmptyCalls<T> calls(device(), spec, size, steps, batch, Pass::training);
    Session<T>& session = calls.session;
    session.forward();
    session.backward();
    const BackwardArgs& args = session.backward_args;
    EXPECT_TRUE(same_bits(calls.values(args.dh0), calls.values(args.dhN)));
    EXPECT_TRUE(same_bits(calls.values(args.dc0), calls.values(args.dcN)));
    EXPECT_TRUE(all_are_poison(session.dx));
    expect_gradients(session, [](const Aligned<T>& tensor) { return all_are(tensor.vector(), 0); });
  });
}

TEST_P(Empty, NothingIsAccumulated) {
  each_size([&]<class T>(const Spec& spec, const Size& size, Index steps, Index batch) {
    EmptyCalls<T> calls(device(), spec, size, steps, batch, Pass::training);
    Session<T>& session = calls.session;
    session.backward_args.mode = GradientMode::accumulate;
    session.backward_args.dhN = session.backward_args.dcN = {};  // dy, of no elements, is left
    for (LayerTensors<T>& layer : session.gradients) {
      for (Aligned<T>* tensor :
           {&layer.W, &layer.R, &layer.bW, &layer.bR, &layer.peephole, &layer.projection})
        std::fill_n(tensor->data(), tensor->size(), T(2));
    }
    session.forward();
    session.backward();
    EXPECT_TRUE(all_are(calls.values(session.backward_args.dh0), 0)) << "no upstream gradient is zeros";
    EXPECT_TRUE(all_are(calls.values(session.backward_args.dc0), 0));
    expect_gradients(session, [](const Aligned<T>& tensor) { return all_are(tensor.vector(), 2); });
  });
}

// Gradients whose rows have gaps: only their elements are cleared.
TEST_P(Empty, GapsStayAsTheyAre) {
  const Size& size = device().option_sizes[0];
  const Spec spec = sized(size);
  if (!takes(spec)) return;
  typed([&]<class T>() {
    EmptyCalls<T> calls(device(), spec, size, 0, 1, Pass::training);
    Session<T>& session = calls.session;
    const Index rows = gates_of(spec) * spec.hidden_size, row = spec.input_size + 3;
    Aligned<T> dW(static_cast<std::size_t>(rows * row));
    session.gradient_views[0].W =
        TensorView(dW.data(), storage_type<T>, {1, rows, spec.input_size}, {rows * row, row, 1});
    session.backward_args.dweights = session.gradient_views;
    session.forward();
    session.backward();
    for (Index i = 0; i < rows * row; ++i) {
      const double value = static_cast<double>(dW[static_cast<std::size_t>(i)]);
      ASSERT_TRUE(i % row < spec.input_size ? value == 0 : std::isnan(value)) << i;
    }
  });
}

// The reserve of an empty call is that of no other, where the host can read it.
TEST_P(Empty, ReservesTellThemApart) {
  if (device().device.props().kind != DeviceKind::cpu) GTEST_SKIP() << "the host does not read its reserve";
  const Size& size = device().option_sizes[0];
  const Spec spec = sized(size);
  if (!takes(spec)) return;
  typed([&]<class T>() {
    EmptyCalls<T> none(device(), spec, size, 0, size.B, Pass::training);
    const auto problem = oracle::convert<T>(problem_for(device(), spec, size.T, size.B, 1));
    Session<T> all(problem, {.pass = Pass::training}, device());
    all.set_upstream(oracle::convert<T>(random_output_gradients(spec, size.T, size.B, 2)));
    EXPECT_THROW(none.session.backward(), InvalidArgument) << "no forward yet";
    none.session.forward();
    all.forward();
    std::swap(none.session.reserve, all.reserve);
    EXPECT_THROW(none.session.backward(), InvalidArgument);
    EXPECT_THROW(all.backward(), InvalidArgument);
    std::swap(none.session.reserve, all.reserve);
    EXPECT_NO_THROW(none.session.backward());
    EXPECT_NO_THROW(all.backward());
  });
}

TEST_P(Empty, AStepOfNoSequences) {
  const Size& size = device().option_sizes[0];
  const Spec spec = sized(size);
  if (!takes(spec)) return;
  typed([&]<class T>() {
    EmptyCalls<T> calls(device(), spec, size, 0, 0, Pass::inference);
    Session<T>& session = calls.session;
    StepArgs args;
    args.x = ConstTensorView(nullptr, storage_type<T>, {0, spec.input_size});
    args.y = TensorView(nullptr, storage_type<T>, {0, output_size_of(spec)});
    args.h = session.forward_args.hN;
    args.c = session.forward_args.cN;
    EXPECT_NO_THROW(recur::step(session.plan, session.context, Stream(),
                                std::span<const LayerWeights>(session.weights), args,
                                session.workspace.bytes()));
  });
}

TEST_P(Empty, GraphsOfThem) {
  if (device().device.props().kind != DeviceKind::cuda) GTEST_SKIP() << "graphs are of CUDA devices";
  each_size([&]<class T>(const Spec& spec, const Size& size, Index steps, Index batch) {
    EmptyCalls<T> calls(device(), spec, size, steps, batch, Pass::inference);
    Session<T>& session = calls.session;
    GraphRun graph =
        GraphRun::forward(session.plan, session.context, std::span<const LayerWeights>(session.weights),
                          session.forward_args, session.workspace.bytes());
    device().synchronize();
    EXPECT_TRUE(all_are_poison(session.hN)) << "making a graph ran it";
    graph.launch(Stream());
    device().synchronize();
    EXPECT_TRUE(same_bits(calls.values(session.forward_args.hN), calls.values(session.forward_args.h0)));
  });
}

INSTANTIATE_TEST_SUITE_P(Devices, Empty, ::testing::ValuesIn(cases(&TestDevice::types, cells_of_each_kind())),
                         case_name);

}  // namespace
}  // namespace recur::test
