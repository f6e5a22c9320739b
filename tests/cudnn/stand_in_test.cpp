// The stand-in notices what cuDNN would not forgive: each precondition broken once.
#include "cudnn/stand_in.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <vector>

#include "host/cudnn/calls.hpp"
#include "simt/launch.hpp"

namespace recur::test {
namespace {

using namespace host::cudnn;  // NOLINT(google-build-using-namespace): the subject of this file

constexpr int T = 3, B = 2, I = 2, H = 3;

// A training forward and backward pass on a layer, with all of their memory.
struct Passes {
  explicit Passes(CudnnAlgorithm algorithm = CudnnAlgorithm::standard, bool lengths = false,
                  double dropout = 0)
      : session(*load().library) {
    host::Job job;
    job.spec.input_size = I;
    job.spec.hidden_size = H;
    job.spec.layers = dropout > 0 ? 2 : 1;
    job.spec.dropout = dropout;
    job.options.pass = Pass::training;
    setup = setup_of(job, algorithm);
    const std::int32_t each[] = {T, T - 1};
    session.describe_tensors(setup, {T, B}, lengths ? each : nullptr);
    spaces = Spaces(setup, {T, B}, session.temp_spaces(setup, B),
                    WeightSpace(session, setup, B, Bias::both).bytes(), session.dropout_state_bytes(setup));
    states.resize(spaces.dropout);
    for (std::vector<std::byte>* space : {&work, &other_work}) space->resize(spaces.temp.work);
    reserve.resize(spaces.temp.reserve);
    weights.resize(spaces.weights);
    dweights.resize(spaces.weights);
    for (std::vector<std::byte>* tensor : {&x, &y, &dy, &dx, &h, &c})
      tensor->resize(std::max(spaces.outputs, spaces.hidden_state));
  }

  // What a refused call left on the stream is done while there is memory for it.
  ~Passes() {
    try {
      simt::synchronize();
    } catch (const std::exception& error) {
      ADD_FAILURE() << error.what();
    }
  }
  Passes(const Passes&) = delete;
  Passes& operator=(const Passes&) = delete;

  void forward() {
    call_forward(session, setup, spaces, B,
                 {.x = x.data(),
                  .h0 = h.data(),
                  .c0 = c.data(),
                  .y = y.data(),
                  .hN = hN,
                  .cN = nullptr,
                  .weights = weights.data(),
                  .work = work.data(),
                  .reserve = reserve.data()});
    simt::synchronize();
  }
  BackwardTensors tensors() {
    return {.x = x.data(),
            .h0 = h.data(),
            .c0 = c.data(),
            .y = y.data(),
            .dy = dy.data(),
            .dhN = nullptr,
            .dcN = nullptr,
            .dx = dx.data(),
            .dh0 = nullptr,
            .dc0 = nullptr,
            .weights = weights.data(),
            .dweights = dweights.data(),
            .work = work.data(),
            .reserve = reserve.data()};
  }
  void backward_data() {
    call_backward_data(session, setup, spaces, B, tensors());
    simt::synchronize();
  }
  void backward_weights() {
    BackwardTensors t = tensors();
    t.work = weights_work;
    call_backward_weights(session, setup, spaces, B, t);
    simt::synchronize();
  }

  host::cudnn::Session session;
  Setup setup;
  Spaces spaces;
  std::vector<std::byte> work, other_work, reserve, weights, dweights, x, y, dy, dx, h, c, states;
  std::byte* hN = nullptr;
  std::byte* weights_work = nullptr;
};

template <class F>
void expect_noticed(F&& call, const char* what) {
  try {
    call();
    ADD_FAILURE() << "not noticed: " << what;
  } catch (const std::exception& error) {
    EXPECT_NE(std::string(error.what()).find(what), std::string::npos) << error.what();
  }
}

TEST(StandIn, TakesWhatIsRight) {
  Passes passes;
  passes.weights_work = passes.work.data();
  passes.forward();
  passes.backward_data();
  passes.backward_weights();
}

TEST(StandIn, TakesDropoutThatIsRight) {
  Passes passes(CudnnAlgorithm::standard, false, 0.5);
  passes.weights_work = passes.work.data();
  passes.session.start_dropout(passes.setup, B, passes.states.data(), 1);
  passes.forward();
  passes.session.resume_dropout(passes.setup, B, passes.states.data());
  passes.backward_data();
  passes.backward_weights();
}

TEST(StandIn, NoticesDropoutWithoutStates) {
  Passes passes(CudnnAlgorithm::standard, false, 0.5);
  expect_noticed([&] { passes.forward(); }, "dropoutDesc has no states");
  passes.session.resume_dropout(passes.setup, B, passes.states.data());
  expect_noticed([&] { passes.forward(); }, "the states of dropoutDesc were not started");
}

TEST(StandIn, NoticesDropoutThatALayerDoesNotKnowOf) {
  Passes passes(CudnnAlgorithm::standard, false, 0.5);
  passes.session.start_dropout(passes.setup, B, passes.states.data(), 1);
  // Another layer's dropout, of the same session.
  host::cudnn::Setup other = passes.setup;
  other.dropout = 0.25f;
  passes.session.start_dropout(other, B, passes.states.data(), 1);
  expect_noticed([&] { passes.forward(); }, "dropoutDesc was changed since rnnDesc was set");
}

TEST(StandIn, NoticesStatesInPlace) {
  Passes passes;
  passes.hN = passes.h.data();
  expect_noticed([&] { passes.forward(); }, "states in place");
}

TEST(StandIn, NoticesSpacesThatAreTooSmall) {
  Passes passes;
  const Spaces right = passes.spaces;
  passes.spaces.temp.work -= 1;
  expect_noticed([&] { passes.forward(); }, "workSpaceSize");
  passes.spaces = right;
  passes.spaces.temp.reserve -= 1;
  expect_noticed([&] { passes.forward(); }, "reserveSpaceSize");
  passes.spaces = right;
  passes.spaces.weights -= 1;
  expect_noticed([&] { passes.forward(); }, "weightSpaceSize");
}

TEST(StandIn, NoticesLengthsThatAnAlgorithmLacks) {
  Passes passes(CudnnAlgorithm::persist_dynamic, true);
  expect_noticed([&] { passes.forward(); }, "lengths that vary");
}

TEST(StandIn, NoticesAReserveThatWasWritten) {
  Passes passes;
  passes.forward();
  passes.reserve.back() = std::byte{1};
  passes.reserve[passes.reserve.size() - sizeof(float)] = std::byte{1};
  passes.reserve[64] = std::byte{7};
  expect_noticed([&] { passes.backward_data(); }, "the reserve space was changed");
}

// The reserve after the gradients of the data is not the one that forward left.
TEST(StandIn, NoticesAReserveUsedTwice) {
  Passes passes;
  passes.forward();
  passes.backward_data();
  expect_noticed([&] { passes.backward_data(); }, "the reserve space is not as the pass before left it");
}

TEST(StandIn, NoticesGradientsOfWeightsWithoutThoseOfTheData) {
  Passes passes;
  passes.weights_work = passes.work.data();
  passes.forward();
  expect_noticed([&] { passes.backward_weights(); }, "the reserve space is not as the pass before left it");
  passes.backward_data();
  passes.weights_work = passes.other_work.data();
  expect_noticed([&] { passes.backward_weights(); }, "the workspace is not as");
}

TEST(StandIn, NoticesGradientsThatStartFromNothing) {
  Passes passes;
  passes.weights_work = passes.work.data();
  passes.forward();
  passes.backward_data();
  std::fill(passes.dweights.begin(), passes.dweights.end(), std::byte{0xff});
  expect_noticed([&] { passes.backward_weights(); }, "dweightSpace was not initialised");
}

TEST(StandIn, NoticesInputsThatChanged) {
  Passes passes;
  passes.weights_work = passes.work.data();
  passes.forward();
  std::fill(passes.y.begin(), passes.y.end(), std::byte{0x3f});
  expect_noticed([&] { passes.backward_data(); }, "y is not what the forward pass wrote");
  passes.forward();
  passes.backward_data();
  std::fill(passes.x.begin(), passes.x.end(), std::byte{0x3f});
  expect_noticed([&] { passes.backward_weights(); }, "x is not that of the forward pass");
}

}  // namespace
}  // namespace recur::test
