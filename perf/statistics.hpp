// What a series of times says: its median, how sure that is, and when to stop taking more. Medians and
// quantiles only, since the times of a machine that does other things as well have no useful mean.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace recur::perf {

// The q-quantile (0 to 1) of ascending values, linear between neighbours. Throws InvalidArgument for none.
double quantile(std::span<const double> ascending, double q);

struct Interval {
  double low = 0;
  double high = 0;
};

// A 95 % confidence interval of the median, from the ranks of ascending values alone: it needs no
// distribution. With fewer than six values no two ranks are that far apart, and it is all of them.
Interval median_interval(std::span<const double> ascending);

struct Summary {
  std::size_t samples = 0;
  double lowest = 0;
  double median = 0;
  double p99 = 0;
  double spread = 0;  // between the quartiles, as a fraction of the median
  Interval interval;  // of the median
};

// Of at least one value, in any order.
Summary summarize(std::vector<double> values);

// When a series has been measured for long enough.
struct StoppingRule {
  std::size_t fewest = 9;
  std::size_t most = 20000;
  double tolerance = 0.02;     // width of the median's interval that will do, as a fraction of the median
  double least_seconds = 0.1;  // of measuring: shorter ones see one mood of the machine only
  double most_seconds = 1.0;

  enum class Verdict { go_on, settled, given_up };
  // settled: the median is known well enough. given_up: it is not, but there is no time for more: at least
  // `fewest` in most_seconds, or three in four times that, where calls are long.
  Verdict judge(const std::vector<double>& values, double seconds_spent) const;
};

}  // namespace recur::perf
