// Times the algorithms of a layer.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <memory>
#include <random>
#include <utility>
#include <vector>

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

// Numbers of magnitude 1/32 to 1/16 with random signs and mantissas: a product of zeros takes less power, and may be
// faster, than one of numbers. The bits of the type are written, since not every type has arithmetic here.
class Numbers {
 public:
  explicit Numbers(DataType type) {
    switch (type) {
      case DataType::f64: make<std::uint64_t>(52, 1018); break;
      case DataType::f16: make<std::uint16_t>(10, 10); break;
      case DataType::bf16: make<std::uint16_t>(7, 122); break;
      default: make<std::uint32_t>(23, 122); break;
    }
  }
  // Over and over.
  void fill(std::byte* to, std::size_t bytes, gpu::StreamHandle stream) const {
    const std::size_t first = std::min(bytes, bytes_.size());
    gpu::upload(to, bytes_.data(), first, stream);
    for (std::size_t done = first; done < bytes;) {
      const std::size_t more = std::min({done, bytes - done, kMostAtOnce});
      gpu::copy_rows(
          {.to = to + done, .to_pitch = more, .from = to, .from_pitch = more, .width = more, .rows = 1},
          stream);
      done += more;
    }
  }

 private:
  static constexpr std::size_t kBytes = std::size_t{64} << 10;
  static constexpr std::size_t kMostAtOnce = std::size_t{1}
                                             << 30;  // whole copies of them, below gpu::kMostPitch

  template <class Bits>
  void make(int mantissa, Bits exponent) {
    std::mt19937_64 random;  // NOLINT(bugprone-random-generator-seed): the same numbers every time
    for (std::size_t at = 0; at < kBytes; at += sizeof(Bits)) {
      const std::uint64_t drawn = random();
      const auto sign = static_cast<Bits>(static_cast<Bits>(drawn >> 63) << (8 * sizeof(Bits) - 1));
      const auto bits = static_cast<Bits>(drawn & ((std::uint64_t{1} << mantissa) - 1));
      const auto value = static_cast<Bits>(sign | static_cast<Bits>(exponent << mantissa) | bits);
      std::memcpy(bytes_.data() + at, &value, sizeof(Bits));
    }
  }

  std::vector<std::byte> bytes_ = std::vector<std::byte>(kBytes);
};

// One candidate with memory for all of its tensors: what it reads are numbers, all else is zero.
class Trial {
 public:
  Trial(Session& session, const Job& job, const Candidate& candidate)
      : session_(session), setup_(candidate.setup), spaces_(candidate.spaces), batch_(job.shape.batch) {
    const std::size_t bytes = lay_out(nullptr);
    memory_.reset(static_cast<std::byte*>(gpu::allocate(bytes)));
    lay_out(memory_.get());
    gpu::clear(memory_.get(), bytes, stream_.handle());
    const Numbers numbers(job.spec.dtype);
    for (const auto& [data, size] : read_) numbers.fill(data, size, stream_.handle());
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
    read_.clear();
    const auto take_read = [&](std::size_t bytes) {
      std::byte* const data = carver.take(bytes);
      read_.emplace_back(data, bytes);
      return data;
    };
    forward_.x = take_read(spaces_.inputs);
    forward_.h0 = take_read(spaces_.hidden_state);
    forward_.y = carver.take(spaces_.outputs);
    forward_.hN = carver.take(spaces_.hidden_state);
    forward_.weights = take_read(spaces_.weights);
    forward_.work = carver.take(spaces_.temp.work);
    dropout_ = carver.take(spaces_.dropout);
    if (setup_.has_cell_state()) {
      forward_.c0 = take_read(spaces_.cell_state);
      forward_.cN = carver.take(spaces_.cell_state);
    }
    if (setup_.training()) {
      forward_.reserve = carver.take(spaces_.temp.reserve);
      backward_ = {.x = forward_.x,
                   .h0 = forward_.h0,
                   .c0 = forward_.c0,
                   .y = forward_.y,
                   .dy = take_read(spaces_.outputs),
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
  std::vector<std::pair<std::byte*, std::size_t>> read_;  // what a run reads, and its bytes
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
