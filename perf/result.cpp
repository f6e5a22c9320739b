#include "perf/result.hpp"

#include <cmath>

namespace recur::perf {
namespace {

bool is_same_race(const Row& a, const Row& b) {
  return a.job.shape.name == b.job.shape.name && a.job.precision == b.job.precision &&
         a.job.pass == b.job.pass && a.job.threads == b.job.threads && a.timing == b.timing &&
         a.inputs == b.inputs;
}

}  // namespace

void compare_with_references(std::vector<Row>& rows) {
  for (Row& row : rows) {
    const Row* best = nullptr;
    for (const Row& other : rows) {
      if (!other.is_reference || !is_same_race(row, other)) continue;
      if (best == nullptr || other.seconds.median < best->seconds.median) best = &other;
    }
    if (best == nullptr) continue;
    row.ratio = best->seconds.median / row.seconds.median;
    row.reference = best->engine;
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
