#include "perf/statistics.hpp"

#include <algorithm>
#include <cmath>

#include "recur/error.hpp"

namespace recur::perf {

double quantile(std::span<const double> ascending, double q) {
  if (ascending.empty()) throw InvalidArgument("quantile: expected at least one value");
  const double position = q * static_cast<double>(ascending.size() - 1);
  const auto below = static_cast<std::size_t>(position);
  const std::size_t above = std::min(below + 1, ascending.size() - 1);
  const double part = position - static_cast<double>(below);
  return ascending[below] + part * (ascending[above] - ascending[below]);
}

Interval median_interval(std::span<const double> ascending) {
  if (ascending.empty()) throw InvalidArgument("median_interval: expected at least one value");
  // How many values lie below the median is binomial, (n, 1/2); by its normal approximation.
  const auto n = static_cast<double>(ascending.size());
  const double reach = 1.96 * std::sqrt(n) / 2;
  const double low = std::floor(n / 2 - reach);
  const double high = std::ceil(n / 2 + reach);  // rank, from 1
  return {ascending[static_cast<std::size_t>(std::max(low - 1, 0.0))],
          ascending[static_cast<std::size_t>(std::min(high, n - 1))]};
}

Summary summarize(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  Summary summary;
  summary.samples = values.size();
  summary.median = quantile(values, 0.5);
  summary.lowest = values.front();
  summary.p99 = quantile(values, 0.99);
  summary.spread = (quantile(values, 0.75) - quantile(values, 0.25)) / summary.median;
  summary.interval = median_interval(values);
  return summary;
}

StoppingRule::Verdict StoppingRule::judge(const std::vector<double>& values, double seconds_spent) const {
  if (values.size() >= most) return Verdict::settled;
  if (values.size() >= fewest && seconds_spent >= least_seconds) {
    const Summary summary = summarize(values);
    if (summary.interval.high - summary.interval.low <= tolerance * summary.median) return Verdict::settled;
  }
  const bool is_late = values.size() >= fewest && seconds_spent >= most_seconds;
  const bool is_much_later = values.size() >= 3 && seconds_spent >= 4 * most_seconds;
  return is_late || is_much_later ? Verdict::given_up : Verdict::go_on;
}

}  // namespace recur::perf
