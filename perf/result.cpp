#include "perf/result.hpp"

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
