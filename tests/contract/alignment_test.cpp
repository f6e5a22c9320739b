// Tensors wherever their elements may lie: what a call gives does not depend on it, to the bit. Engines that
// need more say so. On every device.
#include <cstring>

#include "contract/session.hpp"
#include "engines/device_test.hpp"
#include "support/problem.hpp"

namespace recur::test {
namespace {

// Moves the tensors of calls to memory of its own, some elements past a multiple of 64 bytes.
class Elsewhere {
 public:
  explicit Elsewhere(std::size_t elements) : elements_(elements) {}

  template <class View>
  void move(View& view) {
    if (!view.given()) return;
    const std::size_t width = size_of(view.type());
    const std::size_t bytes = bytes_of(view);
    // Nothing follows the last element, so that a vector which reaches beyond it is found.
    memory_.emplace_back(elements_ * width + bytes);
    std::byte* const to = memory_.back().data() + elements_ * width;
    std::memcpy(to, view.data(), bytes);
    switch (view.rank()) {
      case 1: view = View(to, view.type(), {view.size(0)}); break;
      case 2: view = View(to, view.type(), {view.size(0), view.size(1)}); break;
      case 3: view = View(to, view.type(), {view.size(0), view.size(1), view.size(2)}); break;
      default: view = View(to, view.type(), {view.size(0), view.size(1), view.size(2), view.size(3)});
    }
  }
  template <class View>
  void move(BasicLayerWeights<View>& layer) {
    for (View* view : {&layer.W, &layer.R, &layer.bW, &layer.bR, &layer.peephole, &layer.projection})
      move(*view);
  }

  // Of a dense view.
  static std::size_t bytes_of(const ConstTensorView& view) {
    std::size_t bytes = size_of(view.type());
    for (int d = 0; d < view.rank(); ++d) bytes *= static_cast<std::size_t>(view.size(d));
    return bytes;
  }

 private:
  std::size_t elements_;
  std::vector<Aligned<std::byte>> memory_;
};

std::vector<std::byte> bytes_of(const ConstTensorView& view) {
  if (!view.given()) return {};
  const auto* data = static_cast<const std::byte*>(view.data());
  return {data, data + Elsewhere::bytes_of(view)};
}

template <class T>
void move_forward(Session<T>& session, Elsewhere& elsewhere) {
  ForwardArgs& f = session.forward_args;
  for (ConstTensorView* view : {&f.x, &f.h0, &f.c0, &f.lengths, &f.reset_mask}) elsewhere.move(*view);
  for (TensorView* view : {&f.y, &f.hN, &f.cN, &f.c_sequence}) elsewhere.move(*view);
  for (LayerWeights& layer : session.weights) elsewhere.move(layer);
}
template <class T>
void move_backward(Session<T>& session, Elsewhere& elsewhere) {
  const ForwardArgs& f = session.forward_args;
  BackwardArgs& b = session.backward_args;
  b.x = f.x;
  b.h0 = f.h0;
  b.c0 = f.c0;
  b.lengths = f.lengths;
  b.reset_mask = f.reset_mask;
  b.y = f.y;
  for (ConstTensorView* view : {&b.dy, &b.dhN, &b.dcN, &b.dc_sequence}) elsewhere.move(*view);
  for (TensorView* view : {&b.dx, &b.dh0, &b.dc0}) elsewhere.move(*view);
  for (LayerGradients& layer : session.gradient_views) elsewhere.move(layer);
  b.dweights = session.gradient_views;
}

template <class T>
void expect_same_outputs(const Session<T>& one, const Session<T>& other) {
  const ForwardArgs &a = one.forward_args, &b = other.forward_args;
  EXPECT_EQ(bytes_of(a.y), bytes_of(b.y));
  EXPECT_EQ(bytes_of(a.hN), bytes_of(b.hN));
  EXPECT_EQ(bytes_of(a.cN), bytes_of(b.cN));
  EXPECT_EQ(bytes_of(a.c_sequence), bytes_of(b.c_sequence));
}
template <class T>
void expect_same_gradients(const Session<T>& one, const Session<T>& other) {
  const BackwardArgs &a = one.backward_args, &b = other.backward_args;
  EXPECT_EQ(bytes_of(a.dx), bytes_of(b.dx));
  EXPECT_EQ(bytes_of(a.dh0), bytes_of(b.dh0));
  EXPECT_EQ(bytes_of(a.dc0), bytes_of(b.dc0));
  for (std::size_t l = 0; l < one.gradient_views.size(); ++l) {
    const LayerGradients &x = one.gradient_views[l], &y = other.gradient_views[l];
    EXPECT_EQ(bytes_of(x.W), bytes_of(y.W));
    EXPECT_EQ(bytes_of(x.R), bytes_of(y.R));
    EXPECT_EQ(bytes_of(x.bW), bytes_of(y.bW));
    EXPECT_EQ(bytes_of(x.bR), bytes_of(y.bR));
    EXPECT_EQ(bytes_of(x.peephole), bytes_of(y.peephole));
    EXPECT_EQ(bytes_of(x.projection), bytes_of(y.projection));
  }
}

class Alignment : public DeviceTest {
 protected:
  static bool takes_any() { return device().device.props().kind == DeviceKind::cpu; }
};

TEST_P(Alignment, OfElementsIsEnough) {
  if (!takes_any()) GTEST_SKIP() << name_of(device().engine) << " needs 16 bytes";
  for (const Size& size : device().option_sizes) {
    const Spec spec = with_everything(size);
    SCOPED_TRACE(text_of(size));
    typed([&]<class T>() {
      const auto problem = oracle::convert<T>(problem_for(device(), spec, size.T, size.B, 1));
      const auto upstream = oracle::convert<T>(random_output_gradients(spec, size.T, size.B, 2));
      Session<T> aligned(problem, {.pass = Pass::training}, device());
      aligned.set_upstream(upstream);
      aligned.forward();
      aligned.backward();
      Session<T> prepared(problem, {}, device());
      prepared.prepare();
      prepared.forward_prepared();
      for (const std::size_t elements : {1, 3, 5}) {
        SCOPED_TRACE(std::to_string(elements) + " elements off");
        Elsewhere elsewhere(elements);
        Session<T> off(problem, {.pass = Pass::training}, device());
        off.set_upstream(upstream);
        move_forward(off, elsewhere);
        move_backward(off, elsewhere);
        off.forward();
        off.backward();
        expect_same_outputs(off, aligned);
        expect_same_gradients(off, aligned);
        Session<T> off_prepared(problem, {}, device());
        move_forward(off_prepared, elsewhere);
        off_prepared.prepare();
        off_prepared.forward_prepared();
        expect_same_outputs(off_prepared, prepared);
      }
    });
  }
}

// Rows of 13 elements of which 8 are read: x[1:9] lies where no vector does.
TEST_P(Alignment, SlicesOfRows) {
  if (!takes_any()) GTEST_SKIP() << name_of(device().engine) << " needs 16 bytes";
  const Size size{4, 5, 8, 19, "columns of wider rows"};
  const Spec spec = sized(size);
  typed([&]<class T>() {
    const auto problem = oracle::convert<T>(problem_for(device(), spec, size.T, size.B, 1));
    Session<T> dense(problem, {}, device());
    dense.forward();
    for (const Index first : {1, 4, 5}) {
      SCOPED_TRACE(first);
      constexpr Index kRow = 13;
      Session<T> sliced(problem, {}, device());
      Aligned<T> rows(static_cast<std::size_t>(size.T * size.B * kRow));
      for (Index row = 0; row < size.T * size.B; ++row) {
        for (Index k = 0; k < size.I; ++k) {
          rows[static_cast<std::size_t>(row * kRow + first + k)] =
              problem.x[static_cast<std::size_t>(row * size.I + k)];
        }
      }
      sliced.forward_args.x = ConstTensorView(rows.data() + first, storage_type<T>, {size.T, size.B, size.I},
                                              {size.B * kRow, kRow, 1});
      sliced.forward();
      EXPECT_EQ(sliced.y.vector(), dense.y.vector());
      EXPECT_EQ(sliced.hN.vector(), dense.hN.vector());
    }
  });
}

// The engine's name, the tensor's, and what is needed, before anything is written.
TEST_P(Alignment, ThatAnEngineNeedsIsSaid) {
  if (takes_any()) GTEST_SKIP() << name_of(device().engine) << " takes any";
  const Size& size = device().option_sizes[0];
  const Spec spec = with_everything(size);
  typed([&]<class T>() {
    const auto problem = oracle::convert<T>(problem_for(device(), spec, size.T, size.B, 1));
    const std::string needs = ": expected a base aligned to 16 bytes, as " +
                              std::string(name_of(device().engine)) + " needs, got one ";
    const auto refused = [&](const std::string& name, auto&& call) {
      try {
        call();
        ADD_FAILURE() << name << " was taken";
      } catch (const InvalidArgument& error) {
        EXPECT_EQ(std::string(error.what()).find(name + needs), 0u) << error.what();
      }
    };
    Elsewhere elsewhere(1);
    Session<T> x(problem, {}, device());
    elsewhere.move(x.forward_args.x);
    refused("x", [&] { x.forward(); });
    Session<T> hN(problem, {}, device());
    elsewhere.move(hN.forward_args.hN);
    refused("hN", [&] { hN.forward(); });
    Session<T> W(problem, {}, device());
    elsewhere.move(W.weights[0].W);
    refused("W", [&] { W.forward(); });
    refused("W", [&] { W.prepare(); });
    if (has_recurrent_weights(spec)) {
      Session<T> R(problem, {}, device());
      elsewhere.move(R.weights[0].R);
      refused("R", [&] { R.forward(); });
      refused("R", [&] { R.prepare(); });
    }
    Session<T> dW(problem, {.pass = Pass::training}, device());
    dW.set_upstream(oracle::convert<T>(random_output_gradients(spec, size.T, size.B, 2)));
    dW.forward();
    elsewhere.move(dW.gradient_views[0].W);
    dW.backward_args.dweights = dW.gradient_views;
    refused("dW", [&] { dW.backward(); });
  });
}

INSTANTIATE_TEST_SUITE_P(Devices, Alignment,
                         ::testing::ValuesIn(cases(&TestDevice::types, cells_of_each_kind())), case_name);

}  // namespace
}  // namespace recur::test
