// What calls write: all of their outputs, nothing around them, between their rows, or in their inputs. Every
// buffer has exactly the size that the plan says, with red zones on both sides. On every device.
#include "contract/session.hpp"
#include "engines/device_test.hpp"
#include "support/guarded_memory.hpp"
#include "support/problem.hpp"

namespace recur::test {
namespace {

class Buffers : public DeviceTest {
 protected:
  template <class T>
  static std::vector<std::vector<T>> inputs_of(const Session<T>& session) {
    std::vector<std::vector<T>> inputs = {
        session.x.vector(),   session.h0.vector(),  session.c0.vector(),         session.dy.vector(),
        session.dhN.vector(), session.dcN.vector(), session.dc_sequence.vector()};
    for (const auto& layer : session.layers) {
      for (const auto* tensor :
           {&layer.W, &layer.R, &layer.bW, &layer.bR, &layer.peephole, &layer.projection}) {
        inputs.push_back(tensor->vector());
      }
    }
    return inputs;
  }
  template <class T>
  static void poison_gradients(Session<T>& session) {
    for (auto& layer : session.gradients) {
      for (Aligned<T>* tensor :
           {&layer.W, &layer.R, &layer.bW, &layer.bR, &layer.peephole, &layer.projection}) {
        if (tensor->size() != 0) tensor->poison();
      }
    }
  }
  // No value is the poison, a NaN.
  template <class T>
  static void expect_written(const std::vector<T>& tensor, const char* name) {
    for (std::size_t k = 0; k < tensor.size(); ++k) ASSERT_EQ(tensor[k], tensor[k]) << name << " " << k;
  }
  template <class T>
  static void expect_written(const oracle::Outputs<T>& outputs) {
    expect_written(outputs.y, "y");
    expect_written(outputs.hN, "hN");
    expect_written(outputs.cN, "cN");
    expect_written(outputs.c_sequence, "c_sequence");
  }
  template <class T>
  static void expect_written(const oracle::Gradients<T>& gradients) {
    expect_written(gradients.dx, "dx");
    expect_written(gradients.dh0, "dh0");
    expect_written(gradients.dc0, "dc0");
    for (const auto& layer : gradients.layers) {
      expect_written(layer.W, "dW");
      expect_written(layer.R, "dR");
      expect_written(layer.bW, "dbW");
      expect_written(layer.bR, "dbR");
      expect_written(layer.peephole, "dpeephole");
      expect_written(layer.projection, "dprojection");
    }
  }
};

TEST_P(Buffers, NothingAroundThemIsWritten) {
  for (const Size& size : device().sizes) {
    const Spec spec = with_everything(size);
    if (!takes(spec)) continue;
    SCOPED_TRACE(text_of(size));
    GuardedMemory guarded(*device().memory);
    const UseMemory use(guarded);
    typed([&]<class T>() {
      const auto problem = oracle::convert<T>(problem_for(device(), spec, size.T, size.B, 1));
      Session<T> training(problem, {.pass = Pass::training}, device());
      training.set_upstream(oracle::convert<T>(random_output_gradients(spec, size.T, size.B, 2)));
      const auto inputs = inputs_of(training);
      const std::vector<std::int32_t> lengths = training.lengths.vector();
      const std::vector<std::uint8_t> mask = training.mask.vector();
      training.forward();
      EXPECT_EQ(guarded.damage(), "") << "forward, training";
      expect_written(training.outputs());
      const std::vector<T> y = training.y.vector();
      poison_gradients(training);
      training.backward();
      EXPECT_EQ(guarded.damage(), "") << "backward";
      expect_written(training.all_gradients());
      EXPECT_TRUE(same_bits(training.y.vector(), y)) << "backward wrote to y";

      Session<T> inference(problem, {}, device());
      inference.forward();
      EXPECT_EQ(guarded.damage(), "") << "forward, inference";
      expect_written(inference.outputs());
      inference.prepare();
      EXPECT_EQ(guarded.damage(), "") << "prepare_weights";
      inference.poison_outputs();
      inference.forward_prepared();
      EXPECT_EQ(guarded.damage(), "") << "forward, prepared";
      expect_written(inference.outputs());

      const auto after = inputs_of(training);
      for (std::size_t k = 0; k < inputs.size(); ++k)
        EXPECT_TRUE(same_bits(after[k], inputs[k])) << "input " << k;
      EXPECT_EQ(training.lengths.vector(), lengths);
      EXPECT_EQ(training.mask.vector(), mask);
    });
  }
}

TEST_P(Buffers, NothingBetweenRowsIsWritten) {
  if (!device().gaps) GTEST_SKIP() << name_of(device().engine) << " takes dense tensors only";
  for (const Size& size : device().option_sizes) {
    for (Layout layout : {Layout::time_major, Layout::batch_major}) {
      for (Index row_gap : {4, 3}) {
        SCOPED_TRACE(text_of(size) + " " + std::string(name_of(layout)) + " gap " + std::to_string(row_gap));
        Spec spec = with_everything(size);
        spec.layout = layout;
        spec.reset_mask = false;  // the session's is time-major
        typed([&]<class T>() {
          const RunOptions run{.device = &device(), .layout = layout, .row_gap = row_gap};
          const auto problem = oracle::convert<T>(problem_for(device(), spec, size.T, size.B, 1));
          const auto upstream = oracle::convert<T>(random_output_gradients(spec, size.T, size.B, 2));
          Session<T> session(problem, {.pass = Pass::training}, device());
          session.set_upstream(upstream);
          SequenceTensor<T> x(run, size.T, size.B, problem.x);
          SequenceTensor<T> dy(run, size.T, size.B, upstream.dy);
          SequenceTensor<T> y(run, size.T, size.B, session.outputs_width());
          SequenceTensor<T> c_sequence(run, size.T, size.B, spec.cell_sequence ? session.units_width() : 0);
          SequenceTensor<T> dx(run, size.T, size.B, size.I);
          session.forward_args.x = x.view();
          session.forward_args.y = y.view();
          session.forward_args.c_sequence = c_sequence.view();
          session.forward();
          session.backward_args.x = x.view();
          session.backward_args.y = y.view();
          session.backward_args.dy = dy.view();
          session.backward_args.dc_sequence = {};
          session.backward_args.dx = dx.view();
          session.backward();
          expect_written(y.dense(), "y");
          expect_written(dx.dense(), "dx");
          EXPECT_TRUE(y.gaps_are_poisoned());
          EXPECT_TRUE(c_sequence.gaps_are_poisoned());
          EXPECT_TRUE(dx.gaps_are_poisoned());
          EXPECT_TRUE(x.gaps_are_poisoned());
        });
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Devices, Buffers,
                         ::testing::ValuesIn(cases(&TestDevice::types, cells_of_each_kind())), case_name);

}  // namespace
}  // namespace recur::test
