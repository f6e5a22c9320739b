// Rates out of the results that recur-perf writes (perf/result_json.cpp, perf/result.schema.json).
#include <nlohmann/json.hpp>

#include "host/out_of_memory.hpp"
#include "host/rates.hpp"
#include "recur/error.hpp"

namespace recur {
namespace {

using Json = nlohmann::json;
constexpr int kFormatVersion = 1;

[[noreturn]] void fail(const std::string& what) { throw FormatError("rates: " + what); }

const Json& member(const Json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end()) fail(std::string("expected a member '") + name + "', got none");
  return *found;
}

double number(const Json& object, const char* name) {
  const Json& value = member(object, name);
  if (!value.is_number()) fail(std::string("expected a number as '") + name + "', got " + value.type_name());
  return value.get<double>();
}
double number_or(const Json& object, const char* name, double otherwise) {
  return object.contains(name) ? number(object, name) : otherwise;
}

const Json& objects(const Json& object, const char* name) {
  const Json& list = member(object, name);
  if (!list.is_array()) fail(std::string("expected a list as '") + name + "', got " + list.type_name());
  for (const Json& one : list) {
    if (!one.is_object()) fail(std::string("expected objects in '") + name + "', got " + one.type_name());
  }
  return list;
}

std::string text(const Json& object, const char* name) {
  const Json& value = member(object, name);
  if (!value.is_string()) fail(std::string("expected a text as '") + name + "', got " + value.type_name());
  return value.get<std::string>();
}

PrecisionRates precision_rates(const Json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end()) return {};
  if (!found->is_object())
    fail(std::string("expected an object as '") + name + "', got " + found->type_name());
  return {.f32 = number_or(*found, "f32", 0),
          .tf32 = number_or(*found, "tf32", 0),
          .f64 = number_or(*found, "f64", 0),
          .bf16 = number_or(*found, "bf16", 0),
          .f16 = number_or(*found, "f16", 0)};
}

Rates rates_of(const Json& object, int threads) {
  constexpr double kNoLimit = std::numeric_limits<double>::infinity();
  Rates rates;
  rates.threads = std::max(threads, 1);
  rates.operations_per_second = precision_rates(object, "operations_per_second");
  for (const Json& level : objects(object, "levels")) {
    rates.levels.push_back({.name = text(level, "name"),
                            .bytes = number_or(level, "bytes", kNoLimit),
                            .bytes_per_second = number(level, "bytes_per_second")});
  }
  rates.activations_per_second = precision_rates(object, "activations_per_second");
  rates.call_seconds = number_or(object, "call_seconds", 0);
  rates.barrier_seconds = number_or(object, "barrier_seconds", 0);
  rates.launch_seconds = number_or(object, "launch_seconds", 0);
  rates.resident_bytes = number_or(object, "resident_bytes", 0);
  for (const Json& hop : objects(object, "hops")) {
    rates.hops.push_back({.name = text(hop, "name"),
                          .holds_bytes = number_or(hop, "holds_bytes", kNoLimit),
                          .seconds = number(hop, "seconds")});
  }
  try {
    host::validate_rates(rates);
  } catch (const InvalidArgument& error) {
    fail(error.what());
  }
  return rates;
}

Rates read(std::string_view json, int threads) {
  const Json result = Json::parse(json, nullptr, false);
  if (!result.is_object() || result.value("format", Json()) != "recur-perf") {
    fail("expected a result of recur-perf --json, got another text");
  }
  const double version = number(result, "format_version");
  if (version != kFormatVersion) {
    fail("expected format_version " + std::to_string(kFormatVersion) + ", got " + std::to_string(version));
  }
  std::string those;
  for (const Json& one : objects(result, "rates")) {
    const double of = number_or(one, "threads", 0);
    if (of == threads) return rates_of(one, threads);
    those += (those.empty() ? "" : ", ") + std::to_string(static_cast<int>(of));
  }
  throw InvalidArgument("threads: expected one that the result has rates of, " +
                        (those.empty() ? "none" : those) + " (0 is the CUDA device), got " +
                        std::to_string(threads));
}

}  // namespace

Rates read_rates(std::string_view json, int threads) {
  return host::with_memory("read_rates", [&] { return read(json, threads); });
}

}  // namespace recur
