/// @file
/// What is expected of a problem, from the oracle and the naive run. Ways of running it and engines that meet
/// the same problem share one computation.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <sstream>
#include <string>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

#include "engines/engine_run.hpp"
#include "host/fields.hpp"
#include "oracle/backward.hpp"
#include "oracle/oracle.hpp"
#include "support/problem.hpp"
#include "support/tolerance.hpp"

namespace recur::test {

/// The naive run of a problem of random_problem: in the arithmetic of its storage type, rounded as storage
/// is, or by another policy.
template <class T, class Round = typename StorageOf<T>::Round>
struct Naive {
  using Arithmetic = typename StorageOf<T>::Arithmetic;
  static constexpr Round kRound{};

  explicit Naive(const oracle::Problem<double>& from)
      : problem(as_operands(oracle::convert<Arithmetic>(from))), outputs(oracle::forward(problem, kRound)) {}
  oracle::Gradients<Arithmetic> backward(const oracle::OutputGradients<double>& upstream) const {
    return oracle::backward(problem, outputs, oracle::convert<Arithmetic>(upstream), kRound);
  }

  // W, R, projections and x are nothing but operands of products.
  static oracle::Problem<Arithmetic> as_operands(oracle::Problem<Arithmetic> from) {
    const auto round = [](std::vector<Arithmetic>& tensor) {
      for (Arithmetic& value : tensor) value = kRound.operand(value);
    };
    round(from.x);
    for (auto& layer : from.layers) {
      round(layer.W);
      round(layer.R);
      round(layer.projection);
    }
    return from;
  }

  oracle::Problem<Arithmetic> problem;
  oracle::Result<Arithmetic> outputs;
};

/// Whether no argument of a function is so near its kink that rounding could decide the slope, where neither
/// side would be wrong.
template <class Real>
bool clear_of_kinks(const Spec& spec, const oracle::Result<Real>& exact) {
  if (has_one_signed_sums(spec)) return true;  // no rounding can change the sign
  return oracle::distance_from_kinks(spec, exact) >= 64 * epsilon_of(spec.dtype);
}

/// Takes away what the run does not give.
inline void leave_out(const RunOptions& run, oracle::Problem<double>& problem,
                      oracle::OutputGradients<double>& upstream) {
  if (!run.states) problem.h0 = problem.c0 = {};
  if (!run.final_gradients) upstream.dhN = upstream.dcN = {};
}

/// A problem as an engine reads it, and what it is to give.
template <class T, class Round>
struct Expected {
  using Real = typename StorageOf<T>::Judge;
  using Arithmetic = typename StorageOf<T>::Arithmetic;

  oracle::Problem<T> problem;
  oracle::Outputs<Real> outputs;
  oracle::Outputs<Arithmetic> naive_outputs;

  // Of training alone.
  bool clear = true;  ///< of kinks; else nothing below is there
  oracle::OutputGradients<T> upstream;
  oracle::Gradients<Real> gradients;
  oracle::Gradients<Arithmetic> naive_gradients;

  Expected(const RunOptions& run, const Spec& spec, Index steps, Index batch, std::uint64_t seed, Pass pass) {
    const bool training = pass == Pass::training;
    oracle::Problem<double> drawn = problem_for(*run.device, spec, steps, batch, seed);
    if (training && spec.dropout > 0 && spec.layers > 1)
      drawn.dropout_masks = spec.forest ? run.device->dropout_masks(spec, 1, steps * batch, seed)
                                        : run.device->dropout_masks(spec, steps, batch, seed);
    oracle::OutputGradients<double> drawn_upstream;
    if (training) drawn_upstream = random_output_gradients(spec, steps, batch, seed);
    leave_out(run, drawn, drawn_upstream);

    const auto exact_problem = oracle::convert<Real>(drawn);
    auto exact = oracle::forward(exact_problem);
    if (training) {
      clear = clear_of_kinks(spec, exact);
      if (!clear) return;
      gradients = oracle::backward(exact_problem, exact, oracle::convert<Real>(drawn_upstream));
      upstream = oracle::convert<T>(drawn_upstream);
    }
    outputs = std::move(exact);
    Naive<T, Round> naive(drawn);
    if (training) naive_gradients = naive.backward(drawn_upstream);
    naive_outputs = std::move(naive.outputs);
    problem = oracle::convert<T>(drawn);
  }

  /// Of what is large.
  std::size_t bytes() const {
    const auto of = [](const auto&... tensors) {
      return (std::size_t{0} + ... + (tensors.size() * sizeof(tensors[0])));
    };
    const auto of_layers = [&](const auto& layers) {
      std::size_t sum = 0;
      for (const auto& layer : layers) sum += of(layer.W, layer.R, layer.projection);
      return sum;
    };
    return of_layers(problem.layers) + of_layers(gradients.layers) + of_layers(naive_gradients.layers) +
           of(problem.x, outputs.y, outputs.c_sequence, naive_outputs.y, naive_outputs.c_sequence) +
           of(upstream.dy, upstream.dc_sequence, gradients.dx, naive_gradients.dx);
  }
};

namespace detail {

/// What was used last. More than this and memory that is new to the process would cost what is saved.
template <class Value>
class Recent {
 public:
  template <class Make>
  std::shared_ptr<const Value> get(const std::string& key, Make&& make) {
    if (const auto found = places_.find(key); found != places_.end()) {
      entries_.splice(entries_.begin(), entries_, found->second);
      return entries_.front().second;
    }
    entries_.emplace_front(key, std::make_shared<const Value>(make()));
    places_[key] = entries_.begin();
    bytes_ += entries_.front().second->bytes();
    for (; bytes_ > kMostBytes && entries_.size() > 1; entries_.pop_back()) {
      bytes_ -= entries_.back().second->bytes();
      places_.erase(entries_.back().first);
    }
    return entries_.front().second;
  }

 private:
  static constexpr std::size_t kMostBytes = std::size_t{64} << 20;
  using Entry = std::pair<std::string, std::shared_ptr<const Value>>;
  std::list<Entry> entries_;  // the one used last is the first
  std::unordered_map<std::string, typename std::list<Entry>::iterator> places_;
  std::size_t bytes_ = 0;
};

/// All that a problem depends on: every field of Spec but the layout.
inline std::string key_of(const RunOptions& run, const Spec& spec, Index steps, Index batch,
                          std::uint64_t seed, Pass pass) {
  std::ostringstream key;
  key.precision(17);
  const auto add = [&](const auto&... values) { ((key << +values << ' '), ...); };
  const auto add_functions = [&](const host::Activations& functions) {
    for (const GateActivation& gate : functions) add(static_cast<int>(gate.function), gate.alpha, gate.beta);
  };
  host::each_field<Spec>([&]<class Value>(const host::Field<Spec, Value>& field) {
    const Value& value = spec.*field.member;
    if (field.id == host::FieldId::layout) return;  // the run's
    if constexpr (std::is_same_v<Value, host::Activations>) {
      add_functions(value);
    } else if constexpr (std::is_same_v<Value, std::optional<host::Activations>>) {
      if (value) add_functions(*value);
    } else if constexpr (std::is_enum_v<Value>) {
      add(static_cast<int>(value));
    } else {
      add(value);
    }
  });
  add(steps, batch, seed, static_cast<int>(pass), run.states, run.final_gradients,
      run.device->empty_sequences);
  if (spec.dropout > 0) key << reinterpret_cast<const void*>(run.device->dropout_masks);
  return key.str();
}

}  // namespace detail

/// What is expected of the problem of this seed, computed once for all that ask for it again soon.
template <class T, class Round>
std::shared_ptr<const Expected<T, Round>> expected(const RunOptions& run, const Spec& spec, Index steps,
                                                   Index batch, std::uint64_t seed, Pass pass) {
  static detail::Recent<Expected<T, Round>> recent;
  return recent.get(detail::key_of(run, spec, steps, batch, seed, pass),
                    [&] { return Expected<T, Round>(run, spec, steps, batch, seed, pass); });
}

}  // namespace recur::test
