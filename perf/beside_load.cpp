// Calls a second of one thread and of a team of two, alone and beside other load on the same two processors.
//
// What counts is a ratio: a team that waits for a thread without a processor must not cost more than its
// second thread brings. Both are timed in turns, and each round of a load starts that load anew.
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "perf/pinning.hpp"
#include "perf/statistics.hpp"
#include "recur/recur.hpp"

namespace recur::perf {
namespace {

using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

struct Settings {
  std::int64_t steps = 100;
  std::int64_t hidden = 256;
  double seconds = 0.35;  // of one timing
  int rounds = 3;
};

struct alignas(64) Line {
  char bytes[64];
};

// One sequence through one layer, inference with prepared weights, again and again.
class Work {
 public:
  Work(const Settings& settings, int threads)
      : team_(threads),
        context_(Device::cpu(), &team_),
        plan_(make_plan({.cell = Cell::lstm, .input_size = kInputs, .hidden_size = settings.hidden},
                        {.steps = settings.steps, .batch = 1}, Device::cpu(), {.threads = threads})) {
    const std::int64_t T = settings.steps, H = settings.hidden;
    const auto values = [](std::int64_t count) {
      std::vector<Line> lines(static_cast<std::size_t>(count) * sizeof(float) / sizeof(Line) + 1);
      auto* value = reinterpret_cast<float*>(lines.data());
      for (std::int64_t i = 0; i < count; ++i) value[i] = 0.01f * static_cast<float>(i % 13 - 6);
      return lines;
    };
    const auto W = values(4 * H * kInputs), R = values(4 * H * H), b = values(4 * H);
    LayerWeights layer;
    layer.W = {reinterpret_cast<const float*>(W.data()), {1, 4 * H, kInputs}};
    layer.R = {reinterpret_cast<const float*>(R.data()), {1, 4 * H, H}};
    layer.bW = layer.bR = {reinterpret_cast<const float*>(b.data()), {1, 4 * H}};
    prepared_.resize(plan_.sizes().prepared_weights / sizeof(Line) + 1);
    weights_ = prepare_weights(plan_, context_, Stream(), std::span(&layer, 1),
                               std::as_writable_bytes(std::span(prepared_)));
    x_ = values(T * kInputs);
    y_ = values(T * H);
    args_.x = {reinterpret_cast<const float*>(x_.data()), {T, 1, kInputs}};
    args_.y = {reinterpret_cast<float*>(y_.data()), {T, 1, H}};
    workspace_.resize(plan_.sizes().workspace / sizeof(Line) + 1);
  }
  int threads() const { return plan_.threads(); }
  void call() {
    forward(plan_, context_, Stream(), *weights_, args_, std::as_writable_bytes(std::span(workspace_)));
  }

 private:
  static constexpr std::int64_t kInputs = 64;
  ThreadTeam team_;
  Context context_;
  Plan plan_;
  std::optional<PreparedWeights> weights_;
  std::vector<Line> prepared_, x_, y_, workspace_;
  ForwardArgs args_;
};

double calls_per_second(const Settings& settings, int threads) {
  Work work(settings, threads);
  work.call();
  const Clock::time_point start = Clock::now();
  const auto passed = [&] { return Seconds(Clock::now() - start).count(); };
  std::int64_t calls = 0;
  do {
    work.call();
    ++calls;
  } while (passed() < settings.seconds);
  return static_cast<double>(calls) / passed();
}

void stay_on(const std::vector<int>& processors) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (const int processor : processors) CPU_SET(static_cast<unsigned>(processor), &set);
  static_cast<void>(sched_setaffinity(0, sizeof(set), &set));
}

// A load lives as long as its object.
class Load {
 public:
  Load() = default;
  virtual ~Load() = default;
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;
};

// A thread that never sleeps.
class BusyThread final : public Load {
 public:
  explicit BusyThread(const std::vector<int>& processors)
      : thread_([this, processors] {
          stay_on(processors);
          while (!stop_.load(std::memory_order_relaxed)) {
          }
        }) {}
  ~BusyThread() override {
    stop_ = true;
    thread_.join();
  }

 private:
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

// A process of its own, ended with the object or with this one.
class Process final : public Load {
 public:
  explicit Process(const std::function<void()>& run) : id_(fork()) {
    if (id_ != 0) return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    run();
    _exit(0);
  }
  ~Process() override {
    if (id_ <= 0) return;
    kill(id_, SIGKILL);
    waitpid(id_, nullptr, 0);
  }

 private:
  pid_t id_;
};

struct Kind {
  std::string name;
  std::function<std::unique_ptr<Load>()> start;  // null: not permitted here
};

bool may_raise_priority(int nice) {
  rlimit limit{};
  if (geteuid() == 0) return true;
  return getrlimit(RLIMIT_NICE, &limit) == 0 && limit.rlim_cur >= static_cast<rlim_t>(20 - nice);
}

std::vector<Kind> kinds_of_load(const Settings& settings, const std::vector<int>& processors) {
  constexpr int kHigher = -5;
  std::vector<Kind> kinds;
  kinds.push_back({"nothing", [] { return std::make_unique<Load>(); }});
  kinds.push_back({"a busy thread", [=] { return std::make_unique<BusyThread>(processors); }});
  for (const int processor : processors) {
    kinds.push_back({"a busy thread on processor " + std::to_string(processor),
                     [=] { return std::make_unique<BusyThread>(std::vector<int>{processor}); }});
  }
  Kind higher{"a busy process at nice " + std::to_string(kHigher), nullptr};
  if (may_raise_priority(kHigher)) {
    higher.start = [] {
      return std::make_unique<Process>([] {
        static_cast<void>(setpriority(PRIO_PROCESS, 0, kHigher));
        const std::atomic<bool> stop{false};
        while (!stop.load(std::memory_order_relaxed)) {
        }
      });
    };
  }
  kinds.push_back(higher);
  kinds.push_back({"a process with a team of two", [=] {
                     return std::make_unique<Process>([=] {
                       for (Work work(settings, 2);;) work.call();
                     });
                   }});
  return kinds;
}

struct Rates {
  double one;
  double two;
};

Rates measure(const Settings& settings, const Kind& kind) {
  std::vector<double> one, two;
  for (int round = 0; round < settings.rounds; ++round) {
    const auto load = kind.start();
    std::this_thread::sleep_for(std::chrono::milliseconds(50));  // until it is on its way
    one.push_back(calls_per_second(settings, 1));
    two.push_back(calls_per_second(settings, 2));
  }
  return {summarize(one).median, summarize(two).median};
}

int run(const Settings& settings) {
  std::vector<int> processors = usable_processors();
  if (processors.size() < 2) {
    std::fprintf(stderr, "beside-load: needs two processors, has one\n");
    return 1;
  }
  processors.resize(2);
  stay_on(processors);
  if (Work(settings, 2).threads() != 2) {
    std::fprintf(stderr, "beside-load: the plan keeps this job on one thread\n");
    return 1;
  }
  std::printf("lstm f32 T=%lld B=1 I=64 H=%lld, calls a second, medians of %d\n",
              static_cast<long long>(settings.steps), static_cast<long long>(settings.hidden),
              settings.rounds);
  std::printf("%-32s %10s %10s %8s %20s\n", "beside", "one", "two", "two/one", "two/one with nothing");
  double alone = 0;
  for (const Kind& kind : kinds_of_load(settings, processors)) {
    if (!kind.start) {
      std::printf("%-32s not permitted\n", kind.name.c_str());
      continue;
    }
    const Rates rates = measure(settings, kind);
    if (alone == 0) alone = rates.one;
    std::printf("%-32s %10.0f %10.0f %8.2f %20.2f\n", kind.name.c_str(), rates.one, rates.two,
                rates.two / rates.one, rates.two / alone);
    std::fflush(stdout);
  }
  return 0;
}

}  // namespace
}  // namespace recur::perf

int main(int argc, char** argv) {
  try {
    recur::perf::Settings settings;
    CLI::App app(
        "Times one thread and a team of two, alone and beside other load on the same two processors.");
    app.add_option("-T", settings.steps, "steps of a call")->check(CLI::PositiveNumber);
    app.add_option("-H", settings.hidden, "hidden units")->check(CLI::PositiveNumber);
    app.add_option("--seconds", settings.seconds, "of one timing")->check(CLI::PositiveNumber);
    app.add_option("--rounds", settings.rounds, "timings that a median is of")->check(CLI::PositiveNumber);
    CLI11_PARSE(app, argc, argv);
    return recur::perf::run(settings);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "beside-load: %s\n", error.what());
    return 1;
  }
}
