#include "perf/floors/rates.hpp"

#include <algorithm>

namespace recur::perf {

Measured better_of(const Measured& a, const Measured& b) {
  Measured best = a;
  const auto raise = [](double& rate, double other) { rate = std::max(rate, other); };
  const auto shorten = [](double& seconds, double other) { seconds = std::min(seconds, other); };
  const auto raise_all = [&](PrecisionRates& rates, const PrecisionRates& others) {
    raise(rates.f32, others.f32);
    raise(rates.tf32, others.tf32);
    raise(rates.f64, others.f64);
    raise(rates.bf16, others.bf16);
    raise(rates.f16, others.f16);
  };
  Rates& rates = best.rates;
  raise_all(rates.operations_per_second, b.rates.operations_per_second);
  raise_all(rates.activations_per_second, b.rates.activations_per_second);
  shorten(rates.call_seconds, b.rates.call_seconds);
  shorten(rates.barrier_seconds, b.rates.barrier_seconds);
  for (std::size_t i = 0; i < std::min(rates.levels.size(), b.rates.levels.size()); ++i) {
    raise(rates.levels[i].bytes_per_second, b.rates.levels[i].bytes_per_second);
  }
  for (std::size_t i = 0; i < std::min(best.notes.size(), b.notes.size()); ++i) {
    raise(best.notes[i].second, b.notes[i].second);
  }
  return best;
}

}  // namespace recur::perf
