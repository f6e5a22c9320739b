// The algorithms of a linear chain, on one sequence, in fp64. Equations and conventions: recur/tasks/crf.hpp.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "host/tasks/views.hpp"

namespace recur::tasks::crf {

inline constexpr double kNever = -std::numeric_limits<double>::infinity();  // score of a forbidden path

// The model in fp64. Rows as crf.hpp orders them.
struct Chain {
  std::int64_t labels;   // N
  const double* start;   // [N]
  const double* end;     // [N]
  const double* matrix;  // [N][N], [from][to]

  const double* from(std::int64_t label) const { return matrix + label * labels; }
};

template <class E>
Chain load_chain(const ConstTensorView& weights, double* copy) {
  const std::int64_t labels = weights.size(1);
  for (std::int64_t i = 0; i < labels + 2; ++i) {
    const E* row = row_of<E>(weights, i);
    for (std::int64_t n = 0; n < labels; ++n) copy[i * labels + n] = static_cast<double>(row[n]);
  }
  return Chain{labels, copy, copy + labels, copy + 2 * labels};
}

// One sequence of a batch. length >= 1 wherever one is used.
template <class E>
struct Sequence {
  const Steps<E>* emissions;
  std::int64_t index;
  std::int64_t length;

  const E* at(std::int64_t t) const { return emissions->at(t, index); }
};

inline double largest(const double* values, std::int64_t count) {
  double top = kNever;
  for (std::int64_t n = 0; n < count; ++n) top = values[n] > top ? values[n] : top;
  return top;
}

// log of the sum of exp(a[n] + b[n]).
inline double log_sum_exp(const double* a, const double* b, std::int64_t count) {
  double top = kNever;
  for (std::int64_t n = 0; n < count; ++n) top = a[n] + b[n] > top ? a[n] + b[n] : top;
  if (top == kNever) top = 0;  // exp(-inf - -inf) would be NaN, exp(-inf - 0) is the 0 it should be
  double sum = 0;
  for (std::int64_t n = 0; n < count; ++n) sum += std::exp(a[n] + b[n] - top);
  return std::log(sum) + top;
}

// Takes the largest element out of a row of scores, so that rows stay small however long the sequence, and
// returns it. A row of forbidden scores is left as it is.
inline double normalise(double* row, std::int64_t count) {
  const double top = largest(row, count);
  if (top == kNever) return 0;
  for (std::int64_t n = 0; n < count; ++n) row[n] -= top;
  return top;
}

// Fills alpha[t][n], the log-sum-exp of the scores of all paths over steps 0..t that end in n (without `end`)
// less scale[0] + .. + scale[t]. Returns log Z; `rest` is what the scales leave of it.
template <class E>
double forward_pass(const Chain& chain, const Sequence<E>& sequence, double* alpha, double* scale,
                    double* top, double& rest) {
  const std::int64_t labels = chain.labels;
  const E* first = sequence.at(0);
  for (std::int64_t n = 0; n < labels; ++n) alpha[n] = chain.start[n] + static_cast<double>(first[n]);
  double log_z = scale[0] = normalise(alpha, labels);
  for (std::int64_t t = 1; t < sequence.length; ++t) {
    const double* previous = alpha + (t - 1) * labels;
    double* current = alpha + t * labels;
    std::fill_n(top, labels, kNever);
    for (std::int64_t from = 0; from < labels; ++from) {
      const double* row = chain.from(from);
      for (std::int64_t to = 0; to < labels; ++to) {
        const double score = previous[from] + row[to];
        top[to] = score > top[to] ? score : top[to];
      }
    }
    for (std::int64_t to = 0; to < labels; ++to) {
      if (top[to] == kNever) top[to] = 0;  // as in log_sum_exp
    }
    std::fill_n(current, labels, 0.0);
    for (std::int64_t from = 0; from < labels; ++from) {
      const double* row = chain.from(from);
      for (std::int64_t to = 0; to < labels; ++to)
        current[to] += std::exp(previous[from] + row[to] - top[to]);
    }
    const E* emission = sequence.at(t);
    for (std::int64_t to = 0; to < labels; ++to) {
      current[to] = std::log(current[to]) + top[to] + static_cast<double>(emission[to]);
    }
    scale[t] = normalise(current, labels);
    log_z += scale[t];
  }
  rest = log_sum_exp(alpha + (sequence.length - 1) * labels, chain.end, labels);
  return log_z + rest;
}

// Where the gradient of `scale` * (log Z - score of the labelled path) goes; without labels, of log Z alone.
template <class E>
struct Gradient {
  const OutputSteps<E>* emissions = nullptr;    // null: not wanted
  double* weights = nullptr;                    // [N+2][N], added to; null: not wanted
  const Steps<std::int32_t>* labels = nullptr;  // null: none
  double scale = 1;
};

// Walks back over the sequence with beta[n], the log-sum-exp of the scores of all ways on from label n at
// step t (its own emission not included, `end` included), less `rest` and the scales of the steps after t.
// Then alpha + beta is the log of the probability of label n at step t, and alpha(from) + transition +
// emission + beta(to) - scale that of a pair of labels at t-1 and t.
template <class E>
void backward_pass(const Chain& chain, const Sequence<E>& sequence, const double* alpha, const double* scale,
                   double rest, double* const rows[3], const Gradient<E>& gradient) {
  const std::int64_t labels = chain.labels;
  double* beta = rows[0];
  double* ahead = rows[1];  // emission at t + beta at t - scale of t
  double* terms = rows[2];
  const auto label_at = [&](std::int64_t t) { return *gradient.labels->at(t, sequence.index); };

  for (std::int64_t n = 0; n < labels; ++n) beta[n] = chain.end[n] - rest;
  for (std::int64_t t = sequence.length - 1; t >= 0; --t) {
    const double* here = alpha + t * labels;
    const bool is_first = t == 0;
    const bool is_last = t == sequence.length - 1;
    double total = 0;  // 1 but for the rounding of all steps so far, which is taken out
    for (std::int64_t n = 0; n < labels; ++n) {
      terms[n] = std::exp(here[n] + beta[n]);
      total += terms[n];
    }
    for (std::int64_t n = 0; n < labels; ++n) {
      double share = terms[n] / total;
      if (gradient.labels != nullptr && label_at(t) == n) share -= 1;
      share *= gradient.scale;
      if (gradient.emissions != nullptr) gradient.emissions->at(t, sequence.index)[n] = static_cast<E>(share);
      if (gradient.weights != nullptr && is_first) gradient.weights[n] += share;
      if (gradient.weights != nullptr && is_last) gradient.weights[labels + n] += share;
    }
    if (is_first) break;

    const double* before = alpha + (t - 1) * labels;
    const E* emission = sequence.at(t);
    for (std::int64_t to = 0; to < labels; ++to) {
      ahead[to] = static_cast<double>(emission[to]) - scale[t] + beta[to];
    }
    for (std::int64_t from = 0; from < labels; ++from) {
      const double* row = chain.from(from);
      for (std::int64_t to = 0; to < labels; ++to) terms[to] = row[to] + ahead[to];
      const double top = largest(terms, labels);
      const double shift = top == kNever ? 0 : top;  // as in log_sum_exp
      double sum = 0;
      for (std::int64_t to = 0; to < labels; ++to) {
        terms[to] = std::exp(terms[to] - shift);
        sum += terms[to];
      }
      beta[from] = std::log(sum) + shift;
      if (gradient.weights == nullptr) continue;
      // Probability of the pair (from, to): terms[to] times what all pairs with this `from` share.
      const double common = gradient.scale * std::exp(before[from] + shift);
      double* target = gradient.weights + (2 + from) * labels;
      for (std::int64_t to = 0; to < labels; ++to) target[to] += common * terms[to];
    }
    if (gradient.weights != nullptr && gradient.labels != nullptr) {
      gradient.weights[(2 + label_at(t - 1)) * labels + label_at(t)] -= gradient.scale;
    }
  }
}

template <class E>
double path_score(const Chain& chain, const Sequence<E>& sequence, const Steps<std::int32_t>& labels) {
  std::int32_t label = *labels.at(0, sequence.index);
  double score = chain.start[label] + static_cast<double>(sequence.at(0)[label]);
  for (std::int64_t t = 1; t < sequence.length; ++t) {
    const std::int32_t next = *labels.at(t, sequence.index);
    score += chain.from(label)[next] + static_cast<double>(sequence.at(t)[next]);
    label = next;
  }
  return score + chain.end[label];
}

// Fills alpha[t][n], the best score of a path over steps 0..t that ends in n (without `end`), then walks
// back. The predecessor is found again from alpha by the same additions, so no table of them is kept. Returns
// the score.
template <class E>
double best_path(const Chain& chain, const Sequence<E>& sequence, double* alpha,
                 const OutputSteps<std::int32_t>& labels_out) {
  const std::int64_t labels = chain.labels;
  const E* first = sequence.at(0);
  for (std::int64_t n = 0; n < labels; ++n) alpha[n] = chain.start[n] + static_cast<double>(first[n]);
  double taken = normalise(alpha, labels);
  for (std::int64_t t = 1; t < sequence.length; ++t) {
    const double* previous = alpha + (t - 1) * labels;
    double* current = alpha + t * labels;
    std::fill_n(current, labels, kNever);
    for (std::int64_t from = 0; from < labels; ++from) {
      const double* row = chain.from(from);
      const double base = previous[from];
      for (std::int64_t to = 0; to < labels; ++to) {
        const double score = base + row[to];
        current[to] = score > current[to] ? score : current[to];
      }
    }
    const E* emission = sequence.at(t);
    for (std::int64_t to = 0; to < labels; ++to) current[to] += static_cast<double>(emission[to]);
    taken += normalise(current, labels);
  }

  // Strictly greater: the lowest label wins a tie. Comparisons with NaN are false and leave a valid label.
  const double* last = alpha + (sequence.length - 1) * labels;
  std::int64_t label = 0;
  for (std::int64_t n = 1; n < labels; ++n) {
    if (last[n] + chain.end[n] > last[label] + chain.end[label]) label = n;
  }
  const double score = taken + (last[label] + chain.end[label]);
  for (std::int64_t t = sequence.length - 1; t >= 0; --t) {
    *labels_out.at(t, sequence.index) = static_cast<std::int32_t>(label);
    if (t == 0) break;
    const double* previous = alpha + (t - 1) * labels;
    std::int64_t best = 0;
    double best_score = previous[0] + chain.from(0)[label];
    for (std::int64_t from = 1; from < labels; ++from) {
      const double candidate = previous[from] + chain.from(from)[label];
      if (candidate > best_score) {
        best = from;
        best_score = candidate;
      }
    }
    label = best;
  }
  return score;
}

}  // namespace recur::tasks::crf
