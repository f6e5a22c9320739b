// A linear chain judged by enumeration: every path is scored, nothing is recursive.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

namespace recur::test {

// One sequence. emissions [n][N], weights [N+2][N].
struct ChainProblem {
  std::int64_t labels = 0;
  std::vector<double> emissions;
  std::vector<double> weights;

  std::int64_t length() const { return static_cast<std::int64_t>(emissions.size()) / labels; }
  double emission(std::int64_t t, std::int64_t n) const { return emissions[index(t * labels + n)]; }
  double weight(std::int64_t row, std::int64_t n) const { return weights[index(row * labels + n)]; }

  double score(const std::vector<std::int32_t>& path) const {
    if (path.empty()) return 0;
    double sum = weight(0, path.front());
    for (std::size_t t = 0; t < path.size(); ++t) {
      sum += emission(static_cast<std::int64_t>(t), path[t]);
      if (t > 0) sum += weight(2 + path[t - 1], path[t]);
    }
    return sum + weight(1, path.back());
  }

  static std::size_t index(std::int64_t i) { return static_cast<std::size_t>(i); }
};

// Calls body(path) for all N^n paths, last label slowest: in the order in which a tie prefers them.
template <class Body>
void for_each_path(const ChainProblem& chain, Body&& body) {
  std::vector<std::int32_t> path(static_cast<std::size_t>(chain.length()), 0);
  for (;;) {
    body(path);
    std::size_t t = 0;
    while (t < path.size() && ++path[t] == chain.labels) path[t++] = 0;
    if (t == path.size()) return;
  }
}

struct Enumeration {
  double log_partition = 0;
  std::vector<double> marginals;       // [n][N]
  std::vector<double> weight_expects;  // [N+2][N], expected number of uses of each weight
  std::vector<std::int32_t> best;
  double best_score = -std::numeric_limits<double>::infinity();
};

inline Enumeration enumerate(const ChainProblem& chain) {
  Enumeration result;
  const std::int64_t labels = chain.labels;
  result.marginals.resize(chain.emissions.size());
  result.weight_expects.resize(chain.weights.size());
  bool first = true;
  for_each_path(chain, [&](const std::vector<std::int32_t>& path) {
    const double score = chain.score(path);
    if (first || score > result.best_score) {
      result.best_score = score;
      result.best = path;
    }
    first = false;
  });
  double total = 0;
  for_each_path(chain, [&](const std::vector<std::int32_t>& path) {
    total += std::exp(chain.score(path) - result.best_score);
  });
  result.log_partition = std::log(total) + result.best_score;
  if (chain.length() == 0) return result;
  for_each_path(chain, [&](const std::vector<std::int32_t>& path) {
    const double probability = std::exp(chain.score(path) - result.log_partition);
    const auto use = [&](std::int64_t row, std::int64_t n) {
      result.weight_expects[ChainProblem::index(row * labels + n)] += probability;
    };
    use(0, path.front());
    use(1, path.back());
    for (std::size_t t = 0; t < path.size(); ++t) {
      const std::int64_t at = static_cast<std::int64_t>(t) * labels + path[t];
      result.marginals[ChainProblem::index(at)] += probability;
      if (t > 0) use(2 + path[t - 1], path[t]);
    }
  });
  return result;
}

}  // namespace recur::test
