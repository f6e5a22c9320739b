#include "perf/result.hpp"

#include <cmath>

namespace recur::perf {
namespace {

// A reference may be faster with fewer threads than it could have: small jobs often are.
bool is_rival(const Row& row, const Row& reference) {
  return reference.is_reference && row.job.shape.name == reference.job.shape.name &&
         row.job.precision == reference.job.precision && row.job.pass == reference.job.pass &&
         row.job.threads >= reference.job.threads && row.timing == reference.timing &&
         row.inputs == reference.inputs;
}

}  // namespace

void compare_with_references(std::vector<Row>& rows) {
  for (Row& row : rows) {
    const Row* best = nullptr;
    for (const Row& other : rows) {
      if (!is_rival(row, other)) continue;
      if (best == nullptr || other.seconds.median < best->seconds.median) best = &other;
    }
    if (best == nullptr) continue;
    row.ratio = best->seconds.median / row.seconds.median;
    row.reference = best->engine;
    if (best->job.threads != row.job.threads) row.reference += " on " + std::to_string(best->job.threads);
  }
}

const Row* worst_predicted(const std::vector<Row>& rows) {
  const Row* worst = nullptr;
  const auto off_by = [](const Row& row) { return std::abs(std::log(row.prediction_factor())); };
  for (const Row& row : rows) {
    if (!row.predicted_seconds) continue;
    if (worst == nullptr || off_by(row) > off_by(*worst)) worst = &row;
  }
  return worst;
}

std::string describe(const Shape& shape) {
  std::string text = shape.cell + " T=" + std::to_string(shape.T) + " B=" + std::to_string(shape.B) +
                     " I=" + std::to_string(shape.I) + " H=" + std::to_string(shape.H);
  if (shape.L != 1) text += " L=" + std::to_string(shape.L);
  if (shape.direction != Direction::forward) text += " " + std::string(recur::name_of(shape.direction));
  if (!shape.length_quantiles.empty()) text += " lengths";
  if (shape.mean_episode != 0) text += " resets";
  return text;
}

}  // namespace recur::perf
