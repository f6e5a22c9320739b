#include "perf/suite.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <optional>

#include "perf/floors/rates.hpp"
#include "perf/pinning.hpp"
#include "recur/error.hpp"

namespace recur::perf {
namespace {

using Clock = std::chrono::steady_clock;

// More copies of a small problem than this take longer to make than to time.
constexpr std::size_t kMostSets = 256;

class Deadline {
 public:
  explicit Deadline(double seconds) : seconds_(seconds) {}
  double spent() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }
  bool still_time() const { return spent() < seconds_; }
  double part() const { return spent() / seconds_; }

 private:
  Clock::time_point start_ = Clock::now();
  double seconds_;
};

// A contender that takes part in a case.
struct Entry {
  const Contender* contender;
  Plan plan;
  std::optional<Job> job = std::nullopt;
  double difference = 0;
};

// Times one case after the other on one device, with one number of threads.
class Runner {
 public:
  Runner(Backend& backend, const Request& request, const Deadline& deadline, int threads,
         const std::vector<int>& processors, Result& result)
      : backend_(backend),
        request_(request),
        deadline_(deadline),
        result_(result),
        team_(std::max(threads, 1)),
        pinned_(team_, processors),
        context_(backend.device(), &team_),
        props_(backend.device().props()) {
    if (!request.floors) return;
    rates_ = is_cuda() ? measure_cuda_rates(backend_) : measure_cpu_rates(team_);
    props_.rates = rates_.rates;
  }

  void run(const Case& job) {
    const TensorImage image(job.shape, job.precision, job.pass);
    std::vector<Entry> entries = plan_all(job);
    if (entries.empty()) return;
    std::vector<TensorSet> sets = make_sets(job, image, entries);
    bind_all(job, entries, sets);
    std::vector<const Entry*> of_series;
    std::vector<Series> series = make_series(job, entries, of_series);
    measure(backend_, series, rule_for(job), job.pass == Timed::step,
            [this] { return deadline_.still_time(); });
    for (std::size_t i = 0; i < series.size(); ++i) add_row(job, image, *of_series[i], series[i]);
  }

  // Floors of all rows, once the machine has been seen twice: what it could do in between is the better of
  // both. A GPU has its measured once, for want of time on machines that are lent.
  void finish() {
    if (!request_.floors) return;
    if (!is_cuda()) rates_ = better_of(rates_, measure_cpu_rates(team_));
    result_.rates.emplace_back(is_cuda() ? 0 : team_.size(), rates_);
    for (const auto& [index, work] : works_) {
      Row& row = result_.rows[index];
      row.floor = floor_of(work, rates_.rates, row.job.precision, row.inputs == Inputs::cold);
    }
  }

 private:
  bool is_cuda() const { return backend_.device().props().kind == DeviceKind::cuda; }

  // Latencies want their tail: a hundred samples beyond the 99th percentile's place are a hundredth of these.
  StoppingRule rule_for(const Case& job) const {
    StoppingRule rule = request_.rule;
    if (job.pass == Timed::step) rule.fewest = std::max<std::size_t>(rule.fewest, 1000);
    return rule;
  }

  void refuse(const Case& job, const Contender& contender, const std::string& reason) {
    result_.refused.push_back({job, contender.name, reason});
  }

  std::vector<Entry> plan_all(const Case& job) {
    std::vector<Entry> entries;
    for (const Contender& contender : request_.contenders) {
      try {
        entries.push_back({&contender, plan_for(contender, job.shape, job.precision, job.pass, team_.size(),
                                                Device::from_props(props_))});
      } catch (const Unsupported& error) {
        refuse(job, contender, error.what());
      }
    }
    return entries;
  }

  bool wants(Inputs inputs) const { return std::ranges::count(request_.inputs, inputs) != 0; }

  std::vector<TensorSet> make_sets(const Case& job, const TensorImage& image,
                                   const std::vector<Entry>& entries) {
    std::size_t count = 1;
    if (wants(Inputs::cold)) {
      std::size_t bytes = image.bytes().size();  // of a set
      for (const Entry& entry : entries) bytes += Job::bytes_per_set(entry.plan, job.pass);
      const std::size_t wanted = 2 * backend_.last_cache_bytes() / image.bytes().size() + 1;
      count = std::max<std::size_t>(2, std::min({wanted, kMostSets, backend_.spare_bytes() / bytes}));
    }
    std::vector<TensorSet> sets;
    sets.reserve(count);
    for (std::size_t i = 0; i < count; ++i) sets.emplace_back(backend_, image);
    return sets;
  }

  // Makes the jobs, and keeps those whose results are those of the first.
  void bind_all(const Case& job, std::vector<Entry>& entries, std::vector<TensorSet>& sets) {
    const Pinned::Loose loose(pinned_);
    std::vector<double> expected;
    std::string expected_of;
    for (Entry& entry : entries) {
      try {
        sets.front().restore();
        entry.job.emplace(backend_, context_, entry.plan, job.pass, sets);
        entry.job->run(0);
        backend_.synchronize();
      } catch (const Error& error) {
        refuse(job, *entry.contender, error.what());
        entry.job.reset();
        continue;
      }
      const std::vector<double> outputs = sets.front().read_outputs();
      if (expected.empty()) {
        expected = outputs;
        expected_of = entry.contender->name;
      }
      entry.difference = relative_difference(expected, outputs);
      if (!(entry.difference <= allowed_difference(job.precision))) {
        refuse(job, *entry.contender,
               "its results differ from those of " + expected_of + " by " + std::to_string(entry.difference) +
                   " of their size");
        entry.job.reset();
      }
    }
  }

  std::vector<Series> make_series(const Case& job, std::vector<Entry>& entries,
                                  std::vector<const Entry*>& of_series) {
    std::vector<Series> series;
    const auto add = [&](Entry& entry, Timing timing, Inputs inputs) {
      if (!wants(inputs)) return;
      series.push_back({.job = &*entry.job, .timing = timing, .inputs = inputs});
      of_series.push_back(&entry);
    };
    for (Entry& entry : entries) {
      if (!entry.job) continue;
      const bool by_clock = !is_cuda() || job.pass == Timed::step;
      for (const Inputs inputs : {Inputs::warm, Inputs::cold}) {
        add(entry, by_clock ? Timing::wall : Timing::events, inputs);
      }
      if (!is_cuda() || !wants(Inputs::warm)) continue;
      try {
        entry.job->record_graph();
        add(entry, Timing::graph, Inputs::warm);
      } catch (const Error& error) {
        refuse(job, *entry.contender, std::string("as a graph: ") + error.what());
      }
    }
    return series;
  }

  void add_row(const Case& job, const TensorImage& image, const Entry& entry, const Series& series) {
    Row row;
    row.job = job;
    row.engine = entry.contender->name;
    row.is_reference = entry.contender->is_reference;
    row.timing = series.timing;
    row.inputs = series.inputs;
    row.calls = series.calls;
    row.seconds = summarize(series.seconds);
    row.settled = series.verdict == StoppingRule::Verdict::settled;
    row.tile = entry.plan.tile();
    row.difference = entry.difference;
    if (request_.floors) {
      works_.emplace_back(result_.rows.size(),
                          work_of(job.shape, job.precision, job.pass, image.host_lengths()));
    }
    // Predictions are of calls that the host makes, with tensors in the caches.
    if (series.inputs == Inputs::warm && series.timing != Timing::graph) {
      row.predicted_seconds = job.pass == Timed::backward ? entry.plan.predicted_backward_seconds()
                                                          : entry.plan.predicted_seconds();
    }
    result_.rows.push_back(std::move(row));
  }

  Backend& backend_;
  const Request& request_;
  const Deadline& deadline_;
  Result& result_;
  ThreadTeam team_;
  Pinned pinned_;
  Context context_;
  DeviceProps props_;  // of the backend's device; with rates where they are measured
  Measured rates_;
  std::vector<std::pair<std::size_t, Work>> works_;  // of rows, by their places
};

}  // namespace

std::vector<Case> cases_of(const Request& request, DeviceKind device) {
  std::vector<Case> cases;
  std::size_t most = 0;
  for (const Shape& shape : request.shapes) most = std::max(most, shape.precisions.size());
  for (std::size_t i = 0; i < most; ++i) {
    for (const Shape& shape : request.shapes) {
      if (i >= shape.precisions.size()) continue;
      // No CPU rounds to TF32.
      if (shape.precisions[i] == Precision::tf32 && device == DeviceKind::cpu) continue;
      for (const Timed pass : shape.passes) cases.push_back({shape, shape.precisions[i], pass, 0});
    }
  }
  return cases;
}

Result run_suite(Backend& backend, const Request& request, Progress& progress) {
  const DeviceKind kind = backend.device().props().kind;
  const std::vector<int> threads = kind == DeviceKind::cpu ? request.threads : std::vector<int>{0};
  const std::vector<Case> cases = cases_of(request, kind);
  const Deadline deadline(request.seconds);
  const std::vector<int> processors = usable_processors();
  load_libraries(request.contenders, backend.device());
  Result result;
  std::size_t done = 0;
  for (std::size_t i = 0; i < threads.size(); ++i) {
    // Each number of threads has its share of the time that is left.
    progress.show(deadline.part(), "floors");
    const Deadline share((request.seconds - deadline.spent()) / static_cast<double>(threads.size() - i));
    Runner runner(backend, request, share, threads[i], processors, result);
    for (Case job : cases) {
      job.threads = threads[i];
      const double by_count =
          static_cast<double>(done++) / static_cast<double>(cases.size() * threads.size());
      progress.show(
          std::max(by_count, deadline.part()),
          job.shape.name + " " + std::string(name_of(job.precision)) + " " + std::string(name_of(job.pass)));
      if (!share.still_time()) {
        result.left_out.push_back(job);
        continue;
      }
      try {
        runner.run(job);
      } catch (const Error& error) {
        result.refused.push_back({job, "all", error.what()});
      }
    }
    runner.finish();
  }
  compare_with_references(result.rows);
  return result;
}

}  // namespace recur::perf
