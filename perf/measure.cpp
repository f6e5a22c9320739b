#include "perf/measure.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>

namespace recur::perf {
namespace {

// A sample is at least this long, against the grain of clocks and events.
constexpr double kSampleSeconds = 50e-6;
constexpr std::size_t kMostCalls = 1000;
using Clock = std::chrono::steady_clock;

constexpr double kWarmUpSeconds = 10e-3;
// What ran in between has the caches, and its threads may go on polling for a while (main.cpp): before a
// sample, calls go on for at least that long. One call does not bring weights of many megabytes back into a
// shared cache, which keeps lines by their age: several calls do, unless they take longer than the most below.
constexpr double kSettlingSeconds = 0.5e-3;
constexpr int kSettlingCalls = 8;
constexpr double kMostSettlingSeconds = 5e-3;
// How much longer a series must get before it is judged again: judging sorts it.
constexpr double kJudgedAgain = 1.2;

class Sampler {
 public:
  Sampler(Backend& backend, Series& series, bool is_step)
      : backend_(backend), series_(series), is_step_(is_step) {}

  // The first calls load kernels, choose algorithms and touch memory. Says how long a call takes.
  void warm_up() {
    call();
    backend_.synchronize();
    double seconds = 0;
    std::size_t calls = 0;
    do {
      seconds += time(1);
      ++calls;
    } while (seconds < kWarmUpSeconds && calls < kMostCalls);
    if (is_step_) return;
    const double wanted = kSampleSeconds * static_cast<double>(calls) / seconds;
    series_.calls = static_cast<std::size_t>(std::clamp(std::ceil(wanted), 1.0, double{kMostCalls}));
  }

  void take() {
    settle();
    const double seconds = time(series_.calls);
    series_.seconds.push_back(seconds / static_cast<double>(series_.calls));
    spent_ += seconds;
  }

  bool is_going_on(const StoppingRule& rule) {
    if (series_.verdict != StoppingRule::Verdict::go_on) return false;
    if (static_cast<double>(series_.seconds.size()) < judged_at_) return true;
    judged_at_ = kJudgedAgain * static_cast<double>(series_.seconds.size());
    series_.verdict = rule.judge(series_.seconds, spent_);
    return series_.verdict == StoppingRule::Verdict::go_on;
  }
  // Three say something at least.
  void give_up() {
    if (series_.verdict == StoppingRule::Verdict::go_on && series_.seconds.size() >= 3)
      series_.verdict = StoppingRule::Verdict::given_up;
  }

 private:
  void settle() {
    const Clock::time_point start = Clock::now();
    const auto seconds = [start] { return std::chrono::duration<double>(Clock::now() - start).count(); };
    if (series_.inputs == Inputs::cold) {
      while (seconds() < kSettlingSeconds) continue;
      return;
    }
    set_ = 0;
    for (int calls = 0; seconds() < (calls < kSettlingCalls ? kMostSettlingSeconds : kSettlingSeconds);
         ++calls) {
      call();
      backend_.synchronize();
    }
  }

  void call() {
    if (series_.timing == Timing::graph) {
      series_.job->launch_graph();
      return;
    }
    series_.job->run(set_);
    if (series_.inputs == Inputs::cold) set_ = (set_ + 1) % series_.job->sets();
  }

  double time(std::size_t calls) {
    const auto work = [&] {
      for (std::size_t i = 0; i < calls; ++i) call();
    };
    const bool by_clock = is_step_ || series_.timing == Timing::wall;
    return by_clock ? wall_seconds(backend_, work) : backend_.device_seconds(work);
  }

  Backend& backend_;
  Series& series_;
  bool is_step_;
  std::size_t set_ = 0;
  double spent_ = 0;
  double judged_at_ = 0;
};

}  // namespace

std::string_view name_of(Timing value) {
  switch (value) {
    case Timing::wall: return "wall";
    case Timing::events: return "events";
    case Timing::graph: break;
  }
  return "graph";
}

std::string_view name_of(Inputs value) { return value == Inputs::warm ? "warm" : "cold"; }

void measure(Backend& backend, std::vector<Series>& series, const StoppingRule& rule, bool is_step,
             const std::function<bool()>& still_time) {
  std::vector<Sampler> samplers;
  for (Series& one : series) {
    samplers.emplace_back(backend, one, is_step);
    samplers.back().warm_up();
  }
  for (bool any = true; any;) {
    any = false;
    const bool out_of_time = !still_time();
    for (Sampler& sampler : samplers) {
      if (out_of_time) sampler.give_up();
      if (!sampler.is_going_on(rule)) continue;
      sampler.take();
      any = true;
    }
  }
}

}  // namespace recur::perf
