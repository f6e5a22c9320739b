#include "recur/tasks/loss.hpp"

#include <cmath>

#include "host/tasks/team.hpp"
#include "host/tasks/views.hpp"

namespace recur::tasks {
namespace {

template <class E>
double squared_error(const ConstTensorView& prediction, const ConstTensorView& target,
                     const TensorView& dprediction, ThreadTeam* team) {
  const std::int64_t rows = prediction.size(0);
  const std::int64_t width = prediction.size(1);
  const double count = static_cast<double>(rows) * static_cast<double>(width);
  const auto sum_of = [&](std::int64_t begin, std::int64_t end) {
    double sum = 0;
    for (std::int64_t r = begin; r < end; ++r) {
      const E* p = row_of<E>(prediction, r);
      const E* q = row_of<E>(target, r);
      E* d = dprediction.given() ? row_of<E>(dprediction, r) : nullptr;
      for (std::int64_t o = 0; o < width; ++o) {
        const double difference = static_cast<double>(p[o]) - static_cast<double>(q[o]);
        sum += difference * difference;
        if (d != nullptr) d[o] = static_cast<E>(2 * difference / count);
      }
    }
    return sum;
  };
  PartialSums sums;
  on_members(team, rows * width, [&](int member, int members) { sums.fill(rows, member, members, sum_of); });
  return rows == 0 ? 0 : sums.total() / count;
}

template <class E>
double largest(const E* values, std::int64_t count) {
  E result = values[0];
  for (std::int64_t n = 1; n < count; ++n) result = std::max(result, values[n]);
  return static_cast<double>(result);
}

// -log softmax(row)[label], and its gradient over `count` where that is asked for.
template <class E>
double row_entropy(const E* row, std::int64_t classes, std::int32_t label, double count, E* gradient) {
  const double top = largest(row, classes);
  double total = 0;
  if (gradient == nullptr) {
    for (std::int64_t n = 0; n < classes; ++n) total += std::exp(static_cast<double>(row[n]) - top);
  } else {
    // An exponential takes longer than all else, so it waits where the gradient goes.
    for (std::int64_t n = 0; n < classes; ++n) {
      const double term = std::exp(static_cast<double>(row[n]) - top);
      total += term;
      gradient[n] = static_cast<E>(term);
    }
    const double scale = 1 / (total * count);
    for (std::int64_t n = 0; n < classes; ++n) {
      gradient[n] = static_cast<E>(static_cast<double>(gradient[n]) * scale);
    }
    const double of_label =
        std::exp(static_cast<double>(row[label]) - top) / total;  // next to 1: not rounded
    gradient[label] = static_cast<E>((of_label - 1) / count);
  }
  return std::log(total) + (top - static_cast<double>(row[label]));
}

template <class E>
double cross_entropy(const CrossEntropyArgs& args, const Batch& batch) {
  const std::int64_t classes = args.logits.size(2);
  const Steps<E> logits(args.logits, args.layout);
  const Steps<std::int32_t> labels(args.labels, args.layout);

  std::int64_t count = 0;
  for (std::int64_t b = 0; b < batch.size; ++b) count += batch.length(b);

  const auto sum_of = [&](std::int64_t begin, std::int64_t end) {
    double sum = 0;
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t b = i / batch.steps;
      const std::int64_t t = i % batch.steps;
      E* gradient = args.dlogits.given() ? OutputSteps<E>(args.dlogits, args.layout).at(t, b) : nullptr;
      if (t < batch.length(b)) {
        sum += row_entropy(logits.at(t, b), classes, *labels.at(t, b), static_cast<double>(count), gradient);
      } else if (gradient != nullptr) {
        std::fill_n(gradient, classes, E{0});
      }
    }
    return sum;
  };
  const std::int64_t rows = batch.steps * batch.size;
  PartialSums sums;
  on_members(args.team, rows * classes,
             [&](int member, int members) { sums.fill(rows, member, members, sum_of); });
  return count == 0 ? 0 : sums.total() / static_cast<double>(count);
}

}  // namespace

double mean_squared_error(const ConstTensorView& prediction, const ConstTensorView& target,
                          const TensorView& dprediction, ThreadTeam* team) {
  check_rank("prediction", prediction, 2, "[R][O]", 1);
  check_f32_or_f64("prediction", prediction);
  const host::Dim rows{"R", prediction.size(0)};
  const host::Dim width{"O", prediction.size(1)};
  const DataType type = prediction.type();
  host::check_view("prediction", prediction, type, {rows, width});
  host::check_view("target", target, type, {rows, width});
  if (dprediction.given()) host::check_output("dprediction", dprediction, type, {rows, width});
  host::OverlapCheck overlap;
  overlap.input("prediction", prediction);
  overlap.input("target", target);
  overlap.output("dprediction", dprediction);
  overlap.check();

  double value = 0;
  with_float(
      type, [&](auto zero) { value = squared_error<decltype(zero)>(prediction, target, dprediction, team); });
  return value;
}

double softmax_cross_entropy(const CrossEntropyArgs& args) {
  check_rank("logits", args.logits, 3, args.layout == Layout::time_major ? "[T][B][N]" : "[B][T][N]", 2);
  check_f32_or_f64("logits", args.logits);
  Batch batch{steps_of(args.logits, args.layout), batch_of(args.logits, args.layout), nullptr};
  const OuterDims outer = outer_dims(batch, args.layout);
  const host::Dim classes{"N", args.logits.size(2)};
  const DataType type = args.logits.type();
  host::check_view("logits", args.logits, type, {outer.first, outer.second, classes});
  if (args.dlogits.given()) {
    host::check_output("dlogits", args.dlogits, type, {outer.first, outer.second, classes});
  }
  check_lengths(args.lengths, batch.size);
  batch.lengths = static_cast<const std::int32_t*>(args.lengths.data());
  check_labels(args.labels, batch, args.layout, classes.size);
  host::OverlapCheck overlap;
  overlap.input("logits", args.logits);
  overlap.input("labels", args.labels);
  overlap.input("lengths", args.lengths);
  overlap.output("dlogits", args.dlogits);
  overlap.check();

  double value = 0;
  with_float(type, [&](auto zero) { value = cross_entropy<decltype(zero)>(args, batch); });
  return value;
}

}  // namespace recur::tasks
