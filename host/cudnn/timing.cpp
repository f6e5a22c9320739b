// Times the algorithms of a layer.
#include <algorithm>
#include <chrono>
#include <memory>

#include "host/cudnn/calls.hpp"
#include "host/cudnn/candidate.hpp"

namespace recur::host::cudnn {
namespace {

struct Release {
  void operator()(std::byte* memory) const { gpu::release(memory); }
};
using DeviceMemory = std::unique_ptr<std::byte, Release>;

// Waits at its end for what a stream has been given: a trial that fails leaves work there.
class WaitAtEnd {
 public:
  explicit WaitAtEnd(gpu::StreamHandle stream) : stream_(stream) {}
  WaitAtEnd(const WaitAtEnd&) = delete;
  WaitAtEnd& operator=(const WaitAtEnd&) = delete;
  ~WaitAtEnd() {
    try {
      gpu::synchronize(stream_);
    } catch (const Error&) {  // which the trial has reported, or the next call on the device does
    }
  }

 private:
  gpu::StreamHandle stream_;
};

// One candidate with memory for all of its tensors. They are zeros, of which a large product takes less power, and
// may be faster, than of numbers.
class Trial {
 public:
  Trial(Session& session, const Job& job, const Candidate& candidate)
      : session_(session), setup_(candidate.setup), spaces_(candidate.spaces), batch_(job.shape.batch) {
    const std::size_t bytes = lay_out(nullptr);
    memory_.reset(static_cast<std::byte*>(gpu::allocate(bytes)));
    lay_out(memory_.get());
    gpu::clear(memory_.get(), bytes, stream_.handle());
    session.set_stream(stream_.handle());
    session.describe_tensors(setup_, {job.shape.steps, batch_}, nullptr);
  }

  // Seconds of one run, by the clock of the host: what a caller has who waits for the result.
  double run() {
    const auto start = std::chrono::steady_clock::now();
    session_.start_dropout(setup_, batch_, dropout_, 0);
    call_forward(session_, setup_, spaces_, batch_, forward_);
    if (setup_.training()) {
      call_backward_data(session_, setup_, spaces_, batch_, backward_);
      call_backward_weights(session_, setup_, spaces_, batch_, backward_);
    }
    gpu::synchronize(stream_.handle());
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }

 private:
  std::size_t lay_out(std::byte* base) {
    SpaceCarver carver(base);
    forward_.x = carver.take(spaces_.inputs);
    forward_.h0 = carver.take(spaces_.hidden_state);
    forward_.y = carver.take(spaces_.outputs);
    forward_.hN = carver.take(spaces_.hidden_state);
    forward_.weights = carver.take(spaces_.weights);
    forward_.work = carver.take(spaces_.temp.work);
    dropout_ = carver.take(spaces_.dropout);
    if (setup_.has_cell_state()) {
      forward_.c0 = carver.take(spaces_.cell_state);
      forward_.cN = carver.take(spaces_.cell_state);
    }
    if (setup_.training()) {
      forward_.reserve = carver.take(spaces_.temp.reserve);
      backward_ = {.x = forward_.x,
                   .h0 = forward_.h0,
                   .c0 = forward_.c0,
                   .y = forward_.y,
                   .dy = carver.take(spaces_.outputs),
                   .dhN = nullptr,
                   .dcN = nullptr,
                   .dx = carver.take(spaces_.inputs),
                   .dh0 = carver.take(spaces_.hidden_state),
                   .dc0 = setup_.has_cell_state() ? carver.take(spaces_.cell_state) : nullptr,
                   .weights = forward_.weights,
                   .dweights = carver.take(spaces_.weights),
                   .work = forward_.work,
                   .reserve = forward_.reserve};
    }
    return carver.bytes();
  }

  Session& session_;
  const Setup& setup_;
  const Spaces& spaces_;
  std::int64_t batch_;
  gpu::OwnedStream stream_;
  DeviceMemory memory_;
  const WaitAtEnd wait_{stream_.handle()};  // before the memory goes
  std::byte* dropout_ = nullptr;
  ForwardTensors forward_{};
  BackwardTensors backward_{};
};

// The median of some runs.
double seconds_of(Session& session, const Job& job, const Candidate& candidate) {
  constexpr int kRuns = 5;
  Trial trial(session, job, candidate);
  trial.run();  // loads code
  double seconds[kRuns];
  for (double& one : seconds) one = trial.run();
  std::nth_element(seconds, seconds + kRuns / 2, seconds + kRuns);
  return seconds[kRuns / 2];
}

}  // namespace

void time_candidates(Session& session, const Job& job, std::vector<Candidate>& candidates,
                     std::string& refused) {
  std::erase_if(candidates, [&](Candidate& candidate) {
    try {
      candidate.seconds = seconds_of(session, job, candidate);
      return false;
    } catch (const Unsupported& error) {
      add_refusal(refused, candidate.setup.algorithm, error.what());
    } catch (const OutOfMemory& error) {
      add_refusal(refused, candidate.setup.algorithm, error.what());
    } catch (const DeviceError& error) {
      // cuDNN takes some algorithms when they are planned and fails when they run.
      add_refusal(refused, candidate.setup.algorithm, error.what());
    }
    return true;
  });
}

}  // namespace recur::host::cudnn
