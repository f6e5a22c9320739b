#include "recur/tasks/optimizer.hpp"

#include <cmath>

#include "host/tasks/team.hpp"
#include "host/tasks/views.hpp"

namespace recur::tasks {
namespace {

void check_option(std::string_view name, double value, bool good, std::string_view expected) {
  if (!good) fail(name, expected, std::to_string(value));
}

void check_rate(double rate) {
  check_option("learning_rate", rate, std::isfinite(rate) && rate >= 0, "a finite number of at least 0");
}

void check_fraction(std::string_view name, double value) {
  check_option(name, value, value >= 0 && value < 1, "a number in [0, 1)");
}

// Checks a view of any rank against the sizes of `like`.
void check_like(std::string_view name, const ConstTensorView& view, const ConstTensorView& like,
                bool is_output) {
  static constexpr std::string_view kLetters[] = {"d0", "d1", "d2", "d3"};
  const auto dim = [&](int d) { return host::Dim{kLetters[d], like.size(d)}; };
  const auto check = is_output ? host::check_output : host::check_view;
  switch (like.rank()) {
    case 1: return check(name, view, like.type(), {dim(0)});
    case 2: return check(name, view, like.type(), {dim(0), dim(1)});
    case 3: return check(name, view, like.type(), {dim(0), dim(1), dim(2)});
    default: return check(name, view, like.type(), {dim(0), dim(1), dim(2), dim(3)});
  }
}

void check_tensor(std::string_view name, const ConstTensorView& view) {
  if (!view.given()) fail(name, "a tensor", "nothing");
  check_f32_or_f64(name, view);
  check_rank(name, view, view.rank(), "a tensor");
  check_like(name, view, view, true);
}

// OverlapCheck holds a fixed number of ranges and there may be any number of gradients, so: pair by pair.
void check_disjoint(std::span<const TensorView> gradients) {
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    for (std::size_t j = i + 1; j < gradients.size(); ++j) {
      host::OverlapCheck overlap;
      overlap.output("gradients", gradients[i]);
      overlap.output("gradients", gradients[j]);
      overlap.check();
    }
  }
}

std::int64_t elements_of(const ConstTensorView& view) {
  std::int64_t count = 1;
  for (int d = 0; d < view.rank(); ++d) count *= view.size(d);
  return count;
}

// Calls body(count, offsets...) for the elements begin..end of equally shaped views, counted in row-major
// order, by runs within an innermost row: how many, and where they start in each view.
template <class Body, class... Views>
void for_each_run(std::int64_t begin, std::int64_t end, Body&& body, const ConstTensorView& first,
                  const Views&... others) {
  const int outer = first.rank() - 1;
  const std::int64_t width = first.size(outer);
  for (std::int64_t at = begin; at < end;) {
    const std::int64_t row = at / width;
    const std::int64_t column = at % width;
    const std::int64_t count = std::min(width - column, end - at);
    const auto offset = [&](const ConstTensorView& view) {
      std::int64_t rest = row;
      std::int64_t sum = column;
      for (int d = outer - 1; d >= 0; --d) {
        sum += rest % first.size(d) * view.stride(d);
        rest /= first.size(d);
      }
      return sum;
    };
    body(count, offset(first), offset(others)...);
    at += count;
  }
}

// The same for all elements, shared among a team.
template <class Body, class... Views>
void for_each_run(ThreadTeam* team, Body&& body, const ConstTensorView& first, const Views&... others) {
  const std::int64_t elements = elements_of(first);
  on_members(team, elements, [&](int member, int members) {
    const Share share = share_of(elements, member, members);
    for_each_run(share.begin, share.end, body, first, others...);
  });
}

template <class E>
E* base(const TensorView& view) {
  return static_cast<E*>(view.data());
}
template <class E>
const E* base(const ConstTensorView& view) {
  return static_cast<const E*>(view.data());
}

template <class E>
void sgd(const SgdOptions& options, const TensorView& parameter, const ConstTensorView& gradient,
         const TensorView& velocity, ThreadTeam* team) {
  if (!velocity.given()) {
    for_each_run(
        team,
        [&](std::int64_t count, std::int64_t at_p, std::int64_t at_g) {
          E* p = base<E>(parameter) + at_p;
          const E* g = base<E>(gradient) + at_g;
          for (std::int64_t i = 0; i < count; ++i) {
            p[i] =
                static_cast<E>(static_cast<double>(p[i]) - options.learning_rate * static_cast<double>(g[i]));
          }
        },
        parameter, gradient);
    return;
  }
  for_each_run(
      team,
      [&](std::int64_t count, std::int64_t at_p, std::int64_t at_g, std::int64_t at_v) {
        E* p = base<E>(parameter) + at_p;
        E* v = base<E>(velocity) + at_v;
        const E* g = base<E>(gradient) + at_g;
        for (std::int64_t i = 0; i < count; ++i) {
          const double next = options.momentum * static_cast<double>(v[i]) + static_cast<double>(g[i]);
          p[i] = static_cast<E>(static_cast<double>(p[i]) - options.learning_rate * next);
          v[i] = static_cast<E>(next);
        }
      },
      parameter, gradient, velocity);
}

template <class E>
void adam(const AdamOptions& options, std::int64_t step, const TensorView& parameter,
          const ConstTensorView& gradient, const TensorView& m, const TensorView& v, ThreadTeam* team) {
  const double correction1 = 1 - std::pow(options.beta1, static_cast<double>(step));
  const double correction2 = 1 - std::pow(options.beta2, static_cast<double>(step));
  for_each_run(
      team,
      [&](std::int64_t count, std::int64_t at_p, std::int64_t at_g, std::int64_t at_m, std::int64_t at_v) {
        E* p = base<E>(parameter) + at_p;
        E* first = base<E>(m) + at_m;
        E* second = base<E>(v) + at_v;
        const E* g = base<E>(gradient) + at_g;
        for (std::int64_t i = 0; i < count; ++i) {
          const double d = static_cast<double>(g[i]);
          const double mean = options.beta1 * static_cast<double>(first[i]) + (1 - options.beta1) * d;
          const double square = options.beta2 * static_cast<double>(second[i]) + (1 - options.beta2) * d * d;
          const double scale = std::sqrt(square / correction2) + options.epsilon;
          p[i] = static_cast<E>(static_cast<double>(p[i]) -
                                options.learning_rate * (mean / correction1) / scale);
          first[i] = static_cast<E>(mean);
          second[i] = static_cast<E>(square);
        }
      },
      parameter, gradient, m, v);
}

template <class E>
double sum_of_squares(const TensorView& view, ThreadTeam* team) {
  const auto sum_of = [&](std::int64_t begin, std::int64_t end) {
    double sum = 0;
    for_each_run(
        begin, end,
        [&](std::int64_t count, std::int64_t at) {
          const E* row = base<E>(view) + at;
          for (std::int64_t i = 0; i < count; ++i) {
            sum += static_cast<double>(row[i]) * static_cast<double>(row[i]);
          }
        },
        view);
    return sum;
  };
  const std::int64_t elements = elements_of(view);
  PartialSums sums;
  on_members(team, elements, [&](int member, int members) { sums.fill(elements, member, members, sum_of); });
  return sums.total();
}

template <class E>
void scale_by(const TensorView& view, double factor, ThreadTeam* team) {
  for_each_run(
      team,
      [&](std::int64_t count, std::int64_t at) {
        E* row = base<E>(view) + at;
        for (std::int64_t i = 0; i < count; ++i)
          row[i] = static_cast<E>(static_cast<double>(row[i]) * factor);
      },
      view);
}

}  // namespace

void sgd_step(const SgdOptions& options, const TensorView& parameter, const ConstTensorView& gradient,
              const TensorView& velocity, ThreadTeam* team) {
  check_rate(options.learning_rate);
  check_fraction("momentum", options.momentum);
  check_tensor("parameter", parameter);
  check_like("gradient", gradient, parameter, false);
  if (options.momentum == 0) {
    host::check_not_given("velocity", velocity, "momentum is 0");
  } else {
    check_like("velocity", velocity, parameter, true);
  }
  host::OverlapCheck overlap;
  overlap.output("parameter", parameter);
  overlap.input("gradient", gradient);
  overlap.output("velocity", velocity);
  overlap.check();

  with_float(parameter.type(),
             [&](auto zero) { sgd<decltype(zero)>(options, parameter, gradient, velocity, team); });
}

void adam_step(const AdamOptions& options, std::int64_t step, const TensorView& parameter,
               const ConstTensorView& gradient, const TensorView& m, const TensorView& v, ThreadTeam* team) {
  check_rate(options.learning_rate);
  check_fraction("beta1", options.beta1);
  check_fraction("beta2", options.beta2);
  check_option("epsilon", options.epsilon, std::isfinite(options.epsilon) && options.epsilon > 0,
               "a finite number above 0");
  if (step < 1) fail("step", "at least 1", std::to_string(step));
  check_tensor("parameter", parameter);
  check_like("gradient", gradient, parameter, false);
  check_like("m", m, parameter, true);
  check_like("v", v, parameter, true);
  host::OverlapCheck overlap;
  overlap.output("parameter", parameter);
  overlap.input("gradient", gradient);
  overlap.output("m", m);
  overlap.output("v", v);
  overlap.check();

  with_float(parameter.type(),
             [&](auto zero) { adam<decltype(zero)>(options, step, parameter, gradient, m, v, team); });
}

double clip_global_norm(std::span<const TensorView> gradients, double max_norm, ThreadTeam* team) {
  check_option("max_norm", max_norm, std::isfinite(max_norm) && max_norm > 0, "a finite number above 0");
  if (gradients.empty()) fail("gradients", "at least one tensor", "none");
  for (const TensorView& gradient : gradients) check_tensor("gradients", gradient);
  check_disjoint(gradients);

  double sum = 0;
  for (const TensorView& gradient : gradients) {
    with_float(gradient.type(), [&](auto zero) { sum += sum_of_squares<decltype(zero)>(gradient, team); });
  }
  const double norm = std::sqrt(sum);
  if (std::isfinite(norm) && norm > max_norm) {
    for (const TensorView& gradient : gradients) {
      with_float(gradient.type(),
                 [&](auto zero) { scale_by<decltype(zero)>(gradient, max_norm / norm, team); });
    }
  }
  return norm;
}

}  // namespace recur::tasks
