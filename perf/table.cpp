#include <algorithm>
#include <cstdio>
#include <map>

#include "perf/result.hpp"

namespace recur::perf {
namespace {

using Cells = std::vector<std::string>;

std::string format(const char* pattern, double value) {
  char text[64];
  std::snprintf(text, sizeof(text), pattern, value);
  return text;
}

std::string microseconds(double seconds) {
  const double value = 1e6 * seconds;
  return format(value < 10 ? "%.3f" : value < 1000 ? "%.1f" : "%.0f", value);
}

Cells header() {
  return {"shape", "dtype", "pass",    "threads", "engine",  "timing",   "inputs",      "us",
          "+-%",   "p99",   "us/step", "ratio",   "against", "of floor", "floor is by", "predicted"};
}

Cells cells_of(const Row& row) {
  const Summary& seconds = row.seconds;
  const bool has_floor = row.floor.seconds > 0;
  const double half_width = (seconds.interval.high - seconds.interval.low) / 2 / seconds.median;
  return {row.job.shape.name,
          std::string(name_of(row.job.precision)),
          std::string(name_of(row.job.pass)),
          row.job.threads == 0 ? "-" : std::to_string(row.job.threads),
          row.engine,
          std::string(name_of(row.timing)),
          std::string(name_of(row.inputs)),
          microseconds(seconds.median),
          format("%.1f", 100 * half_width) + (row.settled ? "" : "!"),
          microseconds(seconds.p99),
          microseconds(row.seconds_per_step()),
          row.ratio ? format("%.2f", *row.ratio) : "-",
          row.ratio ? row.reference : "-",
          has_floor ? format("%.0f %%", 100 * row.floor.seconds / seconds.median) : "-",
          has_floor ? row.floor.bound : "-",
          row.predicted_seconds
              ? microseconds(*row.predicted_seconds) + format(" (%.2f)", row.prediction_factor())
              : "-"};
}

std::string aligned(const std::vector<Cells>& lines) {
  std::vector<std::size_t> widths(lines.front().size());
  for (const Cells& line : lines) {
    for (std::size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], line[i].size());
  }
  std::string text;
  for (const Cells& line : lines) {
    std::string row;
    for (std::size_t i = 0; i < line.size(); ++i)
      row += line[i] + std::string(widths[i] + 2 - line[i].size(), ' ');
    row.erase(row.find_last_not_of(' ') + 1);
    text += row + "\n";
  }
  return text;
}

std::string table_of(const std::vector<const Row*>& rows) {
  std::vector<Cells> lines = {header()};
  for (const Row* row : rows) lines.push_back(cells_of(*row));
  return aligned(lines);
}

std::string name_of(const Case& job) {
  std::string text = job.shape.name + " " + std::string(perf::name_of(job.precision)) + " " +
                     std::string(perf::name_of(job.pass));
  if (job.threads != 0)
    text += " on " + std::to_string(job.threads) + (job.threads == 1 ? " thread" : " threads");
  return text;
}

}  // namespace

std::string to_table(const Result& result) {
  std::vector<const Row*> losing, others;
  for (const Row& row : result.rows) {
    const bool loses = !row.is_reference && row.ratio && *row.ratio < 1;
    (loses ? losing : others).push_back(&row);
  }
  std::ranges::stable_sort(losing, {}, [](const Row* row) { return *row->ratio; });
  std::string text;
  if (!losing.empty()) text += "slower than the best reference:\n" + table_of(losing) + "\n";
  if (!others.empty()) text += (losing.empty() ? "" : "the others:\n") + table_of(others);

  if (const Row* worst = worst_predicted(result.rows)) {
    text += "\nworst prediction: " + format("%.2f", worst->prediction_factor()) +
            " times as long as measured, " + worst->engine + " on " + name_of(worst->job) + "\n";
  }

  // Many cases share a reason.
  std::map<std::string, std::vector<std::string>> cases;
  for (const Refused& one : result.refused) cases[one.engine + ": " + one.reason].push_back(name_of(one.job));
  if (!cases.empty()) text += "\nrefused:\n";
  for (const auto& [reason, names] : cases) {
    text += "  " + reason + " (" + names.front();
    if (names.size() > 1) text += " and " + std::to_string(names.size() - 1) + " more";
    text += ")\n";
  }
  if (!result.left_out.empty()) text += "\nleft out for want of time:\n";
  for (const Case& job : result.left_out) text += "  " + name_of(job) + "\n";
  return text;
}

}  // namespace recur::perf
