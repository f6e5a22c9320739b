#include "recur/tasks/loss.hpp"

#include <cmath>

#include "host/tasks/views.hpp"

namespace recur::tasks {
namespace {

template <class T>
double squared_error(const ConstTensorView& prediction, const ConstTensorView& target,
                     const TensorView& dprediction) {
  const std::int64_t rows = prediction.size(0);
  const std::int64_t width = prediction.size(1);
  const double count = static_cast<double>(rows) * static_cast<double>(width);
  double sum = 0;
  for (std::int64_t r = 0; r < rows; ++r) {
    const T* p = row_of<T>(prediction, r);
    const T* q = row_of<T>(target, r);
    T* d = dprediction.given() ? row_of<T>(dprediction, r) : nullptr;
    for (std::int64_t o = 0; o < width; ++o) {
      const double difference = static_cast<double>(p[o]) - static_cast<double>(q[o]);
      sum += difference * difference;
      if (d != nullptr) d[o] = static_cast<T>(2 * difference / count);
    }
  }
  return sum / count;
}

template <class T>
double largest(const T* values, std::int64_t count) {
  T result = values[0];
  for (std::int64_t n = 1; n < count; ++n) result = std::max(result, values[n]);
  return static_cast<double>(result);
}

template <class T>
double cross_entropy(const CrossEntropyArgs& args, const Batch& batch) {
  const std::int64_t classes = args.logits.size(2);
  const Steps<T> logits(args.logits, args.layout);
  const Steps<std::int32_t> labels(args.labels, args.layout);

  std::int64_t count = 0;
  for (std::int64_t b = 0; b < batch.size; ++b) count += batch.length(b);

  double sum = 0;
  for (std::int64_t b = 0; b < batch.size; ++b) {
    for (std::int64_t t = 0; t < batch.steps; ++t) {
      T* gradient = args.dlogits.given() ? OutputSteps<T>(args.dlogits, args.layout).at(t, b) : nullptr;
      if (t >= batch.length(b)) {
        if (gradient != nullptr) std::fill_n(gradient, classes, T{0});
        continue;
      }
      const T* row = logits.at(t, b);
      const std::int32_t label = *labels.at(t, b);
      const double top = largest(row, classes);
      double total = 0;
      for (std::int64_t n = 0; n < classes; ++n) total += std::exp(static_cast<double>(row[n]) - top);
      sum += std::log(total) + (top - static_cast<double>(row[label]));
      if (gradient == nullptr) continue;
      for (std::int64_t n = 0; n < classes; ++n) {
        const double probability = std::exp(static_cast<double>(row[n]) - top) / total;
        gradient[n] = static_cast<T>((probability - (n == label ? 1 : 0)) / static_cast<double>(count));
      }
    }
  }
  return count == 0 ? 0 : sum / static_cast<double>(count);
}

}  // namespace

double mean_squared_error(const ConstTensorView& prediction, const ConstTensorView& target,
                          const TensorView& dprediction) {
  check_rank("prediction", prediction, 2, "[R][O]");
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
  with_float(type,
             [&](auto zero) { value = squared_error<decltype(zero)>(prediction, target, dprediction); });
  return value;
}

double softmax_cross_entropy(const CrossEntropyArgs& args) {
  check_rank("logits", args.logits, 3, args.layout == Layout::time_major ? "[T][B][N]" : "[B][T][N]");
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
