// The same plan and the same inputs give the same bits, however often; what may alias gives what separate
// memory gives; backward only reads its reserve. On every device.
#include "contract/session.hpp"
#include "engines/device_test.hpp"
#include "support/instrumented.hpp"
#include "support/problem.hpp"

namespace recur::test {
namespace {

class Determinism : public DeviceTest {
 protected:
  // f.template operator()<T>(problem, upstream) for a layer with everything at once, at the sizes of the
  // device.
  template <class F>
  static void each_problem(F&& f) {
    for (const Size& size : bit_sizes(device(), GetParam().cell)) {
      SCOPED_TRACE(text_of(size));
      const Spec spec = with_everything(size);
      const auto problem = problem_for(device(), spec, size.T, size.B, 1);
      const auto upstream = random_output_gradients(spec, size.T, size.B, 2);
      typed([&]<class T>() {
        f.template operator()<T>(oracle::convert<T>(problem), oracle::convert<T>(upstream));
      });
    }
  }

  template <class T>
  static void expect_same_bits_again(const oracle::Problem<T>& problem,
                                     const oracle::OutputGradients<T>& upstream,
                                     const recur::Options& options) {
    Session<T> session(problem, options, device());
    ASSERT_EQ(session.plan.threads(), options.threads);
    session.set_upstream(upstream);
    session.forward();
    const std::vector<std::byte> reserve = session.reserve.vector();
    const auto outputs = session.outputs();
    session.backward();
    const auto gradients = session.all_gradients();
    EXPECT_EQ(session.reserve.vector(), reserve) << "backward wrote to its reserve";

    // Again on the same reserve, then all again; outputs and workspaces poisoned between. Of an
    // emulated GPU the schedule is the same every time: tests/simt has others.
    const bool once_more = kInstrumented || device().emulated;
    for (int again = 0; again < (once_more ? 1 : 2); ++again) {
      Aligned<T> y(outputs.y);
      session.poison_outputs();
      std::memcpy(session.y.data(), y.data(), y.size() * sizeof(T));  // an input of backward
      session.backward();
      EXPECT_TRUE(same_bits(session.all_gradients(), gradients)) << "backward " << again;
      EXPECT_EQ(session.reserve.vector(), reserve);
    }
    for (int again = 0; again < (once_more ? 1 : 3); ++again) {
      session.poison_outputs();
      session.reserve.poison();
      session.forward();
      EXPECT_TRUE(same_bits(session.outputs(), outputs)) << "forward " << again;
      session.backward();
      EXPECT_TRUE(same_bits(session.all_gradients(), gradients)) << "forward and backward " << again;
    }
    // In memory of its own, with a team and a context of its own.
    TestDevice alone = device();
    alone.shared_context = nullptr;
    Session<T> other(problem, options, alone);
    EXPECT_EQ(other.plan.fingerprint(), session.plan.fingerprint());
    other.set_upstream(upstream);
    other.forward();
    other.backward();
    EXPECT_TRUE(same_bits(other.outputs(), outputs));
    EXPECT_TRUE(same_bits(other.all_gradients(), gradients));
  }
};

TEST_P(Determinism, RepeatedRunsGiveTheSameBits) {
  each_problem([&]<class T>(const oracle::Problem<T>& problem, const oracle::OutputGradients<T>& upstream) {
    for (int threads : thread_counts(device(), {1, 2, 4})) {
      for (bool batch_invariant : {false, true}) {
        if (batch_invariant && !device().batch_invariant) continue;
        SCOPED_TRACE("threads " + std::to_string(threads) + (batch_invariant ? ", batch invariant" : ""));
        expect_same_bits_again(
            problem, upstream,
            {.pass = Pass::training, .threads = threads, .batch_invariant = batch_invariant});
      }
    }
  });
}

// hN may be h0 and cN c0 in inference, dh0 may be dhN and dc0 dcN.
TEST_P(Determinism, StatesInPlace) {
  each_problem([&]<class T>(const oracle::Problem<T>& problem, const oracle::OutputGradients<T>& upstream) {
    for (int threads : thread_counts(device(), {1, 4})) {
      const recur::Options inference{.threads = threads};
      Session<T> apart_forward(problem, inference, device());
      apart_forward.forward();
      Session<T> in_place_forward(problem, inference, device());
      in_place_forward.forward_args.hN = in_place_forward.h_state(in_place_forward.h0);
      in_place_forward.forward_args.cN = in_place_forward.c_state(in_place_forward.c0);
      in_place_forward.forward();
      EXPECT_EQ(in_place_forward.y.vector(), apart_forward.y.vector());
      EXPECT_EQ(in_place_forward.h0.vector(), apart_forward.hN.vector());
      EXPECT_EQ(in_place_forward.c0.vector(), apart_forward.cN.vector());

      const recur::Options training{.pass = Pass::training, .threads = threads};
      Session<T> apart(problem, training, device());
      apart.set_upstream(upstream);
      apart.forward();
      apart.backward();
      Session<T> in_place(problem, training, device());
      in_place.set_upstream(upstream);
      in_place.forward();
      in_place.backward_args.dh0 = in_place.h_state(in_place.dhN);
      in_place.backward_args.dc0 = in_place.c_state(in_place.dcN);
      in_place.backward();
      EXPECT_EQ(in_place.dx.vector(), apart.dx.vector());
      EXPECT_EQ(in_place.dhN.vector(), apart.dh0.vector());
      EXPECT_EQ(in_place.dcN.vector(), apart.dc0.vector());
    }
  });
}

// Adding to zeros gives what overwriting gives: sums do not start from what was there, they are added to it.
TEST_P(Determinism, AccumulationStartsFromWhatIsThere) {
  each_problem([&]<class T>(const oracle::Problem<T>& problem, const oracle::OutputGradients<T>& upstream) {
    Session<T> session(problem, {.pass = Pass::training}, device());
    session.set_upstream(upstream);
    session.forward();
    session.backward();
    const auto overwritten = session.all_gradients();
    for (auto& layer : session.gradients) {
      for (Aligned<T>* tensor :
           {&layer.W, &layer.R, &layer.bW, &layer.bR, &layer.peephole, &layer.projection}) {
        std::fill_n(tensor->data(), tensor->size(), T(0));
      }
    }
    session.backward_args.mode = GradientMode::accumulate;
    session.backward();
    const auto accumulated = session.all_gradients();
    EXPECT_EQ(accumulated.dx, overwritten.dx) << "only the gradients of weights accumulate";
    EXPECT_EQ(accumulated.dh0, overwritten.dh0);
    for (std::size_t l = 0; l < accumulated.layers.size(); ++l) {
      EXPECT_EQ(accumulated.layers[l].W, overwritten.layers[l].W);
      EXPECT_EQ(accumulated.layers[l].R, overwritten.layers[l].R);
      EXPECT_EQ(accumulated.layers[l].bW, overwritten.layers[l].bW);
      EXPECT_EQ(accumulated.layers[l].bR, overwritten.layers[l].bR);
      EXPECT_EQ(accumulated.layers[l].peephole, overwritten.layers[l].peephole);
      EXPECT_EQ(accumulated.layers[l].projection, overwritten.layers[l].projection);
    }
  });
}

INSTANTIATE_TEST_SUITE_P(Devices, Determinism,
                         ::testing::ValuesIn(cases(&TestDevice::types, cells_of_each_kind())), case_name);

}  // namespace
}  // namespace recur::test
