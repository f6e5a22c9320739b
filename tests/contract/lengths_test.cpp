// Lengths: what stands past a sequence's end influences nothing, what is written there is zero, and any
// number is a length. On every device.
#include <cmath>
#include <limits>
#include <map>
#include <string>

#include "contract/session.hpp"
#include "engines/device_test.hpp"
#include "support/problem.hpp"

namespace recur::test {
namespace {

class Lengths : public DeviceTest {
 protected:
  static Spec spec_of(const Size& size, Direction direction) {
    Spec spec = sized(size);
    spec.layers = 2;
    spec.direction = direction;
    spec.variable_lengths = true;
    add_cell_sequence(spec);
    return spec;
  }
  // f.template operator()<T>(problem, upstream) at the sizes of the device.
  template <class F>
  void each_problem(F&& f) {
    for (const Size& size : device().option_sizes) {
      for (Direction direction : {Direction::forward, Direction::reverse, Direction::bidirectional}) {
        SCOPED_TRACE(text_of(size) + " " + direction_name(direction));
        const Spec spec = spec_of(size, direction);
        if (!takes(spec)) continue;
        const auto problem = problem_for(device(), spec, size.T, size.B, 1);
        const auto upstream = random_output_gradients(spec, size.T, size.B, 2);
        typed([&]<class T>() {
          f.template operator()<T>(oracle::convert<T>(problem), oracle::convert<T>(upstream));
        });
      }
    }
  }
  // What the layer gives of a problem of each_problem as it is: what several tests compare with is computed by the first.
  template <class T>
  struct Plain {
    oracle::Outputs<T> outputs;
    oracle::Gradients<T> gradients;
  };
  template <class T>
  static Plain<T> run(const oracle::Problem<T>& problem, const oracle::OutputGradients<T>& upstream) {
    Session<T> session(problem, {.pass = Pass::training}, device());
    session.set_upstream(upstream);
    session.forward();
    session.backward();
    return {session.outputs(), session.all_gradients()};
  }
  template <class T>
  static const Plain<T>& plain(const oracle::Problem<T>& problem,
                               const oracle::OutputGradients<T>& upstream) {
    static std::map<std::string, Plain<T>> known;
    const Spec& spec = problem.spec;
    const std::string key = name_of_case(GetParam()) + direction_name(spec.direction) + " " +
                            std::to_string(problem.T) + " " + std::to_string(problem.B) + " " +
                            std::to_string(spec.input_size) + " " + std::to_string(spec.hidden_size);
    const auto found = known.find(key);
    return found != known.end() ? found->second : known.emplace(key, run(problem, upstream)).first->second;
  }
  // g(first element) of every row past the end of a tensor [T][B][columns].
  template <class T, class G>
  static void each_row_past_the_end(const oracle::Problem<T>& problem, std::vector<T>& tensor, G&& g) {
    if (tensor.empty()) return;
    const auto columns = tensor.size() / static_cast<std::size_t>(problem.T * problem.B);
    for (Index b = 0; b < problem.B; ++b) {
      for (Index t = problem.lengths[static_cast<std::size_t>(b)]; t < problem.T; ++t) {
        g(std::span(tensor).subspan(static_cast<std::size_t>(t * problem.B + b) * columns, columns));
      }
    }
  }
  template <class T>
  static void expect_zeros_past_the_end(const oracle::Problem<T>& problem, std::vector<T> tensor,
                                        const char* name) {
    each_row_past_the_end(problem, tensor, [&](std::span<T> row) {
      for (T value : row) ASSERT_EQ(value, T(0)) << name;
    });
  }
};

TEST_P(Lengths, PastTheEndNothingIsRead) {
  each_problem([&]<class T>(const oracle::Problem<T>& problem, const oracle::OutputGradients<T>& upstream) {
    const Plain<T>& clean = plain(problem, upstream);

    auto spoilt_problem = problem;
    auto spoilt_upstream = upstream;
    const auto spoil = [](std::span<T> row) {
      for (T& value : row) value = T(std::numeric_limits<float>::quiet_NaN());
    };
    each_row_past_the_end(problem, spoilt_problem.x, spoil);
    each_row_past_the_end(problem, spoilt_upstream.dy, spoil);
    each_row_past_the_end(problem, spoilt_upstream.dc_sequence, spoil);
    Session<T> spoilt(spoilt_problem, {.pass = Pass::training}, device());
    spoilt.set_upstream(spoilt_upstream);
    spoilt.forward();
    spoilt.backward();
    EXPECT_TRUE(same_bits(spoilt.outputs(), clean.outputs));
    EXPECT_TRUE(same_bits(spoilt.all_gradients(), clean.gradients));

    Session<T> inference(spoilt_problem, {}, device());
    inference.forward();
    expect_zeros_past_the_end(problem, inference.y.vector(), "y of inference");
    for (T value : inference.outputs().y) ASSERT_FALSE(std::isnan(static_cast<double>(value)));
  });
}

TEST_P(Lengths, PastTheEndZerosAreWritten) {
  each_problem([&]<class T>(const oracle::Problem<T>& problem, const oracle::OutputGradients<T>& upstream) {
    const Plain<T>& written = plain(problem, upstream);
    expect_zeros_past_the_end(problem, written.outputs.y, "y");
    expect_zeros_past_the_end(problem, written.outputs.c_sequence, "c_sequence");
    expect_zeros_past_the_end(problem, written.gradients.dx, "dx");
  });
}

TEST_P(Lengths, OfZeroPassStatesThrough) {
  if (!device().empty_sequences) GTEST_SKIP() << name_of(device().engine) << " takes no empty sequence";
  each_problem([&]<class T>(oracle::Problem<T> problem, const oracle::OutputGradients<T>& upstream) {
    problem.lengths.assign(problem.lengths.size(), 0);
    Session<T> session(problem, {.pass = Pass::training}, device());
    session.set_upstream(upstream);
    session.forward();
    session.backward();
    EXPECT_TRUE(same_bits(session.hN.vector(), problem.h0));
    EXPECT_TRUE(same_bits(session.cN.vector(), problem.c0));
    EXPECT_TRUE(same_bits(session.dh0.vector(), upstream.dhN));
    EXPECT_TRUE(same_bits(session.dc0.vector(), upstream.dcN));
    const auto gradients = session.all_gradients();
    for (const auto& layer : gradients.layers) {
      for (const auto* tensor :
           {&layer.W, &layer.R, &layer.bW, &layer.bR, &layer.peephole, &layer.projection}) {
        for (T value : *tensor) ASSERT_EQ(value, T(0));
      }
    }
  });
}

TEST_P(Lengths, AreClamped) {
  each_problem([&]<class T>(const oracle::Problem<T>& problem, const oracle::OutputGradients<T>& upstream) {
    auto beyond = problem;
    for (std::int32_t& length : beyond.lengths) {
      if (length == 0) length = std::numeric_limits<std::int32_t>::min();
      if (length == problem.T) length = std::numeric_limits<std::int32_t>::max();
    }
    ASSERT_NE(beyond.lengths, problem.lengths);
    const Plain<T>& expected = plain(problem, upstream);
    const Plain<T> got = run(beyond, upstream);
    EXPECT_TRUE(same_bits(got.outputs, expected.outputs));
    EXPECT_TRUE(same_bits(got.gradients, expected.gradients));
  });
}

// Where the caller wants lengths checked they are, before anything is written, if the host can read them:
// those themselves on the CPU, and else the caller's copy.
TEST_P(Lengths, AreRefusedWhereTheCallerWantsThat) {
  const bool on_host = device().device.props().kind == DeviceKind::cpu;
  const Size& size = device().option_sizes[0];
  const Spec spec = spec_of(size, Direction::forward);
  if (!takes(spec)) return;
  typed([&]<class T>() {
    const auto right = oracle::convert<T>(problem_for(device(), spec, size.T, size.B, 1));
    for (const std::int32_t length : {-1, static_cast<std::int32_t>(size.T) + 1}) {
      auto wrong = right;
      wrong.lengths.back() = length;
      Session<T> session(wrong, {}, device());
      session.forward_args.check_lengths = true;
      session.forward_args.host_lengths = on_host ? nullptr : wrong.lengths.data();
      session.poison_outputs();
      const auto before = session.outputs();
      try {
        session.forward();
        ADD_FAILURE() << length << " was taken";
      } catch (const InvalidArgument& error) {
        const std::string expected = std::string(on_host ? "lengths" : "host_lengths") +
                                     ": expected values from 0 to T=" + std::to_string(size.T) + ", got " +
                                     std::to_string(length) + " for sequence " + std::to_string(size.B - 1);
        EXPECT_EQ(error.what(), expected);
      }
      EXPECT_TRUE(same_bits(session.outputs(), before)) << "written before it was refused";
    }
    Session<T> session(right, {}, device());
    session.forward_args.check_lengths = true;
    session.forward_args.host_lengths = right.lengths.data();
    EXPECT_NO_THROW(session.forward());
  });
}

INSTANTIATE_TEST_SUITE_P(Devices, Lengths,
                         ::testing::ValuesIn(cases(&TestDevice::types, cells_of_each_kind())), case_name);

}  // namespace
}  // namespace recur::test
