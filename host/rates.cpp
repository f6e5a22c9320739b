#include "host/rates.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "recur/error.hpp"

namespace recur::host {
namespace {

[[noreturn]] void fail(const std::string& field, const std::string& expected, double got) {
  throw InvalidArgument("Rates::" + field + ": expected " + expected + ", got " + std::to_string(got));
}

void at_least_0(const std::string& field, double value) {
  if (!(value >= 0 && std::isfinite(value))) fail(field, "a finite number of at least 0", value);
}

void at_least_0(const std::string& field, const PrecisionRates& rates) {
  at_least_0(field + ".f32", rates.f32);
  at_least_0(field + ".tf32", rates.tf32);
  at_least_0(field + ".f64", rates.f64);
  at_least_0(field + ".bf16", rates.bf16);
  at_least_0(field + ".f16", rates.f16);
}

}  // namespace

const MemoryLevel& level_for(const Rates& rates, double bytes) {
  const auto found =
      std::ranges::find_if(rates.levels, [&](const MemoryLevel& level) { return bytes <= level.bytes; });
  return found == rates.levels.end() ? rates.levels.back() : *found;
}

void validate_rates(const Rates& rates) {
  if (rates.threads < 1) fail("threads", "at least 1", rates.threads);
  if (rates.levels.empty()) fail("levels", "at least one", 0);
  double smaller = 0;
  for (const MemoryLevel& level : rates.levels) {
    if (!(level.bytes > smaller)) fail("levels", "each to hold more bytes than the one before", level.bytes);
    smaller = level.bytes;
    if (!(level.bytes_per_second > 0 && std::isfinite(level.bytes_per_second))) {
      fail("levels.bytes_per_second", "a finite number above 0", level.bytes_per_second);
    }
  }
  for (const Hop& hop : rates.hops) {
    if (!(hop.holds_bytes > 0)) fail("hops.holds_bytes", "more than 0", hop.holds_bytes);
    at_least_0("hops.seconds", hop.seconds);
  }
  at_least_0("operations_per_second", rates.operations_per_second);
  at_least_0("activations_per_second", rates.activations_per_second);
  at_least_0("call_seconds", rates.call_seconds);
  at_least_0("barrier_seconds", rates.barrier_seconds);
  at_least_0("launch_seconds", rates.launch_seconds);
  at_least_0("resident_bytes", rates.resident_bytes);
}

}  // namespace recur::host
