// recur-first-comparison: the CPU engine beside a plain loop, in one run on the same data.
//
// Both sides are timed in turns, so that a change of the machine's mood hits both; medians are printed with
// the spread between the quartiles. The two results are compared before anything is timed.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <memory>
#include <new>
#include <random>
#include <string>
#include <vector>

#include "perf/plain_loop.hpp"
#include "recur/recur.hpp"

namespace {

using recur::perf::PlainCell;
using recur::perf::PlainLoop;

struct Shape {
  const char* name;
  const char* stands_for;
  PlainCell cell;
  std::int64_t T, B, I, H;
};

constexpr Shape kShapes[] = {
    {"keyword-b1", "keyword spotting on a device", PlainCell::gru_reset_after, 100, 1, 40, 64},
    {"stream-b1", "one stream of speech recognition", PlainCell::lstm, 100, 1, 240, 256},
    {"wide-b1", "one stream, a model beyond the private cache", PlainCell::lstm, 50, 1, 1024, 1024},
    {"ocr-b8", "lines of text recognition", PlainCell::lstm, 128, 8, 128, 128},
    {"tagging-b32", "sentences of a tagger", PlainCell::gru_reset_after, 50, 32, 128, 128},
    {"speech-b16", "a batch of utterances", PlainCell::lstm, 200, 16, 256, 256},
    {"translate-b64", "a batch of sentences", PlainCell::lstm, 30, 64, 512, 512},
    {"forecast-b256", "many short series, odd sizes", PlainCell::gru_reset_after, 24, 256, 7, 50},
};

using Floats = std::vector<float>;

Floats random_values(std::int64_t count, float bound, unsigned seed) {
  std::mt19937 generator(seed);
  std::uniform_real_distribution<float> uniform(-bound, bound);
  Floats values(static_cast<std::size_t>(count));
  for (float& value : values) value = uniform(generator);
  return values;
}

// Caller-owned memory, aligned as buffers must be.
class Buffer {
 public:
  explicit Buffer(std::size_t bytes)
      : bytes_(bytes), data_(new (std::align_val_t{64}) std::byte[bytes + 1]) {}
  ~Buffer() { ::operator delete[](data_, std::align_val_t{64}); }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  std::span<std::byte> span() { return {data_, bytes_}; }

 private:
  std::size_t bytes_;
  std::byte* data_;
};

// One shape, bound to weights, inputs and plans.
class Job {
 public:
  Job(const Shape& shape, int threads)
      : shape_(shape),
        gates_(shape.cell == PlainCell::lstm ? 4 : 3),
        W_(random_values(gates_ * shape.H * shape.I, bound(shape.I), 1)),
        R_(random_values(gates_ * shape.H * shape.H, bound(shape.H), 2)),
        bW_(random_values(gates_ * shape.H, 0.1f, 3)),
        bR_(random_values(gates_ * shape.H, 0.1f, 4)),
        x_(random_values(shape.T * shape.B * shape.I, 1.0f, 5)),
        y_(static_cast<std::size_t>(shape.T * shape.B * shape.H)),
        dx_(x_.size()),
        dW_(W_.size()),
        dR_(R_.size()),
        dbW_(bW_.size()),
        dbR_(bR_.size()),
        plain_(shape.cell, shape.I, shape.H, W_.data(), R_.data(), bW_.data(), bR_.data()),
        device_(recur::Device::cpu()),
        team_(threads),
        context_(device_, &team_),
        inference_(plan(recur::Pass::inference, threads)),
        training_(plan(recur::Pass::training, threads)),
        prepared_buffer_(inference_.sizes().prepared_weights),
        workspace_(std::max({inference_.sizes().workspace, training_.sizes().workspace,
                             training_.sizes().workspace_backward})),
        reserve_(training_.sizes().reserve) {
    const std::int64_t rows = gates_ * shape.H;
    weights_.W = {W_.data(), {1, rows, shape.I}};
    weights_.R = {R_.data(), {1, rows, shape.H}};
    weights_.bW = {bW_.data(), {1, rows}};
    weights_.bR = {bR_.data(), {1, rows}};
    gradients_.W = {dW_.data(), {1, rows, shape.I}};
    gradients_.R = {dR_.data(), {1, rows, shape.H}};
    gradients_.bW = {dbW_.data(), {1, rows}};
    gradients_.bR = {dbR_.data(), {1, rows}};
    prepared_ = recur::prepare_weights(inference_, context_, recur::Stream(), {&weights_, 1},
                                       prepared_buffer_.span());
  }

  void plain_forward() { plain_.forward(shape_.T, shape_.B, x_.data(), y_.data()); }
  void inference() {
    recur::forward(inference_, context_, recur::Stream(), prepared_, forward_args(), workspace_.span());
  }
  void training_forward() {
    recur::forward(training_, context_, recur::Stream(), std::span<const recur::LayerWeights>(&weights_, 1),
                   forward_args(), workspace_.span(), reserve_.span());
  }
  void backward() {
    recur::BackwardArgs args;
    args.x = {x_.data(), {shape_.T, shape_.B, shape_.I}};
    args.y = {y_.data(), {shape_.T, shape_.B, shape_.H}};
    args.dy = args.y;  // any values do
    args.dx = {dx_.data(), {shape_.T, shape_.B, shape_.I}};
    args.dweights = {&gradients_, 1};
    recur::backward(training_, context_, recur::Stream(), {&weights_, 1}, args, reserve_.span(),
                    workspace_.span());
  }

  // Largest difference between the engine and the plain loop.
  double difference() {
    plain_forward();
    const Floats expected = y_;
    std::fill(y_.begin(), y_.end(), NAN);
    inference();
    double worst = 0;
    for (std::size_t i = 0; i < y_.size(); ++i) {
      const double error = std::abs(static_cast<double>(y_[i]) - static_cast<double>(expected[i]));
      worst = error <= worst ? worst : error;  // a NaN is kept
    }
    return worst;
  }

  const recur::Plan& plan() const { return inference_; }

 private:
  static float bound(std::int64_t size) { return 1.0f / std::sqrt(static_cast<float>(size)); }
  recur::Plan plan(recur::Pass pass, int threads) const {
    recur::Spec spec;
    spec.cell = shape_.cell == PlainCell::lstm ? recur::Cell::lstm : recur::Cell::gru;
    spec.input_size = shape_.I;
    spec.hidden_size = shape_.H;
    return recur::make_plan(spec, {shape_.T, shape_.B}, device_, {.pass = pass, .threads = threads});
  }
  recur::ForwardArgs forward_args() {
    recur::ForwardArgs args;
    args.x = {x_.data(), {shape_.T, shape_.B, shape_.I}};
    args.y = {y_.data(), {shape_.T, shape_.B, shape_.H}};
    return args;
  }

  const Shape& shape_;
  const std::int64_t gates_;
  Floats W_, R_, bW_, bR_, x_, y_, dx_, dW_, dR_, dbW_, dbR_;
  PlainLoop plain_;
  recur::Device device_;
  recur::ThreadTeam team_;
  recur::Context context_;
  recur::Plan inference_, training_;
  Buffer prepared_buffer_, workspace_, reserve_;
  recur::LayerWeights weights_;
  recur::LayerGradients gradients_;
  recur::PreparedWeights prepared_;
};

struct Times {
  std::vector<double> seconds;
  double quantile(double q) const {
    return seconds[static_cast<std::size_t>(q * static_cast<double>(seconds.size() - 1))];
  }
  double median() const { return quantile(0.5); }
  double spread() const { return (quantile(0.75) - quantile(0.25)) / median(); }
};

template <class F>
double seconds_of(F&& f) {
  const auto start = std::chrono::steady_clock::now();
  f();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

constexpr int kWays = 4;
const char* const kWayNames[kWays] = {"plain_loop", "inference", "training_forward", "backward"};

void measure(Job& job, Times (&times)[kWays]) {
  const auto run = [&](int way) {
    switch (way) {
      case 0: return job.plain_forward();
      case 1: return job.inference();
      case 2: return job.training_forward();
      default: return job.backward();
    }
  };
  for (int way = 0; way < kWays; ++way) run(way);  // warm-up
  double total = 0;
  for (int pass = 0; pass < 200 && (pass < 9 || total < 1.5); ++pass) {
    for (int way = 0; way < kWays; ++way) {
      // A training step follows its own forward, so that the reserve is this job's.
      times[way].seconds.push_back(seconds_of([&] { run(way); }));
      total += times[way].seconds.back();
    }
  }
  for (Times& one : times) std::sort(one.seconds.begin(), one.seconds.end());
}

void write_json(std::FILE* file, bool first, const Shape& shape, int threads, const Times (&times)[kWays]) {
  std::fprintf(
      file,
      "%s\n  {\"shape\": \"%s\", \"stands_for\": \"%s\", \"cell\": \"%s\", \"T\": %lld, \"B\": %lld, \"I\": "
      "%lld, \"H\": %lld, \"threads\": %d",
      first ? "" : ",", shape.name, shape.stands_for, shape.cell == PlainCell::lstm ? "lstm" : "gru",
      static_cast<long long>(shape.T), static_cast<long long>(shape.B), static_cast<long long>(shape.I),
      static_cast<long long>(shape.H), threads);
  for (int way = 0; way < kWays; ++way) {
    std::fprintf(file, ", \"%s_seconds\": %.6g, \"%s_spread\": %.3f", kWayNames[way], times[way].median(),
                 kWayNames[way], times[way].spread());
  }
  std::fprintf(file, "}");
}

int usage() {
  std::fprintf(stderr, "usage: recur-first-comparison [--threads N,N...] [--json FILE]\n");
  return 2;
}

// All shapes with up to `threads` threads; rows go to the terminal and, where there is one, to the file.
bool run(int threads, std::FILE* json) {
  const recur::Device device = recur::Device::cpu();
  std::printf("%s, %s, up to %d threads; f32, medians in microseconds (spread between quartiles)\n",
              device.props().name.c_str(), device.props().cpu.simd.c_str(), threads);
  std::printf("%-14s %5s %4s %5s %5s  %18s %18s %8s %18s %18s\n", "shape", "T", "B", "I", "H", "plain loop",
              "inference", "ratio", "training forward", "backward");
  if (json != nullptr) std::fprintf(json, "{\"threads\": %d, \"rows\": [", threads);
  bool first = true;
  for (const Shape& shape : kShapes) {
    Job job(shape, threads);
    const double difference = job.difference();
    if (!(difference < 1e-4)) {
      std::fprintf(stderr, "recur-first-comparison: %s differs from the plain loop by %g\n", shape.name,
                   difference);
      return false;
    }
    Times times[kWays];
    measure(job, times);
    const auto cell = [](const Times& time) {
      char text[32];
      std::snprintf(text, sizeof(text), "%.1f (%2.0f%%)", 1e6 * time.median(), 100 * time.spread());
      return std::string(text);
    };
    std::printf("%-14s %5lld %4lld %5lld %5lld  %18s %18s %7.2fx %18s %18s\n", shape.name,
                static_cast<long long>(shape.T), static_cast<long long>(shape.B),
                static_cast<long long>(shape.I), static_cast<long long>(shape.H), cell(times[0]).c_str(),
                cell(times[1]).c_str(), times[0].median() / times[1].median(), cell(times[2]).c_str(),
                cell(times[3]).c_str());
    std::fflush(stdout);
    if (json != nullptr) write_json(json, first, shape, job.plan().threads(), times);
    first = false;
  }
  if (json != nullptr) std::fprintf(json, "\n]}");
  return true;
}

std::vector<int> parse_threads(const char* text) {
  std::vector<int> list;
  for (char* end = nullptr; *text != '\0'; text = *end == ',' ? end + 1 : end) {
    list.push_back(static_cast<int>(std::strtol(text, &end, 10)));
    if (end == text || (*end != '\0' && *end != ',')) return {};
  }
  return list;
}

int run_all(const std::vector<int>& threads, const char* json_path) {
  std::FILE* json = json_path == nullptr ? nullptr : std::fopen(json_path, "w");
  if (json_path != nullptr && json == nullptr) {
    std::fprintf(stderr, "recur-first-comparison: cannot write %s\n", json_path);
    return 1;
  }
  const recur::Device device = recur::Device::cpu();
  if (json != nullptr) {
    std::fprintf(json, "{\"device\": \"%s\", \"simd\": \"%s\", \"dtype\": \"f32\", \"runs\": [",
                 device.props().name.c_str(), device.props().cpu.simd.c_str());
  }
  bool good = true;
  for (std::size_t i = 0; i < threads.size() && good; ++i) {
    if (json != nullptr && i > 0) std::fprintf(json, ",\n");
    good = run(threads[i], json);
  }
  if (json != nullptr) {
    std::fprintf(json, "]}\n");
    std::fclose(json);
  }
  return good ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<int> threads{1};
  const char* json_path = nullptr;
  for (int i = 1; i < argc; i += 2) {
    if (i + 1 == argc) return usage();
    if (std::strcmp(argv[i], "--threads") == 0) {
      threads = parse_threads(argv[i + 1]);
      if (threads.empty()) return usage();
    } else if (std::strcmp(argv[i], "--json") == 0) {
      json_path = argv[i + 1];
    } else {
      return usage();
    }
  }
  try {
    return run_all(threads, json_path);
  } catch (const recur::Error& error) {
    std::fprintf(stderr, "recur-first-comparison: %s\n", error.what());
    return 1;
  }
}
