#include <nlohmann/json.hpp>

#include "perf/result.hpp"

namespace recur::perf {
namespace {

// Keeps the order in which members are written.
using Json = nlohmann::ordered_json;

Json json_of(const Case& job) {
  const Shape& shape = job.shape;
  Json object = {{"shape", shape.name},
                 {"stands_for", shape.stands_for},
                 {"cell", shape.cell},
                 {"T", shape.T},
                 {"B", shape.B},
                 {"I", shape.I},
                 {"H", shape.H},
                 {"L", shape.L},
                 {"direction", recur::name_of(shape.direction)},
                 {"lengths", !shape.length_quantiles.empty()},
                 {"mean_episode", shape.mean_episode},
                 {"dtype", name_of(job.precision)},
                 {"pass", name_of(job.pass)}};
  if (job.threads != 0) object["threads"] = job.threads;
  return object;
}

Json json_of(const Row& row) {
  Json object = json_of(row.job);
  object["engine"] = row.engine;
  object["reference"] = row.is_reference;
  object["timing"] = name_of(row.timing);
  object["inputs"] = name_of(row.inputs);
  object["seconds"] = row.seconds.median;
  object["seconds_low"] = row.seconds.interval.low;
  object["seconds_high"] = row.seconds.interval.high;
  object["seconds_lowest"] = row.seconds.lowest;
  object["seconds_p99"] = row.seconds.p99;
  object["seconds_per_step"] = row.seconds_per_step();
  object["spread"] = row.seconds.spread;
  object["samples"] = row.seconds.samples;
  object["calls_per_sample"] = row.calls;
  object["settled"] = row.settled;
  object["difference"] = row.difference;
  object["tile"] = row.tile;
  if (row.ratio) {
    object["ratio"] = *row.ratio;
    object["best_reference"] = row.reference;
  }
  if (row.floor.seconds > 0) {
    object["floor_seconds"] = row.floor.seconds;
    object["floor_bound"] = row.floor.bound;
    object["floor_fraction"] = row.floor.seconds / row.seconds.median;
  }
  if (row.predicted_seconds) {
    object["predicted_seconds"] = *row.predicted_seconds;
    object["prediction_factor"] = row.prediction_factor();
  }
  return object;
}

// JSON has no infinity: a level or hop without a limit says nothing of one.
void add_limit(Json& object, const char* name, double value) {
  if (value != std::numeric_limits<double>::infinity()) object[name] = value;
}

Json json_of(const PrecisionRates& rates) {
  Json object = Json::object();
  for (const Precision precision : kPrecisions) {
    const double rate = rate_of(rates, precision);
    if (rate > 0) object[std::string(name_of(precision))] = rate;
  }
  return object;
}

Json json_of(int threads, const Measured& measured) {
  const Rates& rates = measured.rates;
  Json object = Json::object();
  if (threads != 0) object["threads"] = threads;
  object["operations_per_second"] = json_of(rates.operations_per_second);
  if (threads != 0) {
    object["activations_per_second"] = json_of(rates.activations_per_second);
    object["call_seconds"] = rates.call_seconds;
    object["barrier_seconds"] = rates.barrier_seconds;
  } else {
    object["launch_seconds"] = rates.launch_seconds;
  }
  object["levels"] = Json::array();
  for (const MemoryLevel& level : rates.levels) {
    Json one = {{"name", level.name}, {"bytes_per_second", level.bytes_per_second}};
    add_limit(one, "bytes", level.bytes);
    object["levels"].push_back(one);
  }
  object["resident_bytes"] = rates.resident_bytes;
  object["hops"] = Json::array();
  for (const Hop& hop : rates.hops) {
    Json one = {{"name", hop.name}, {"seconds", hop.seconds}};
    add_limit(one, "holds_bytes", hop.holds_bytes);
    object["hops"].push_back(one);
  }
  object["measured"] = Json::object();
  for (const auto& [name, value] : measured.notes) object["measured"][name] = value;
  return object;
}

}  // namespace

std::string to_json(const Result& result) {
  Json object = {{"format", "recur-perf"}, {"format_version", 1}};
  object["facts"] = Json::object();
  for (const auto& [name, value] : result.facts) object["facts"][name] = value;
  object["rates"] = Json::array();
  for (const auto& [threads, measured] : result.rates) {
    object["rates"].push_back(json_of(threads, measured));
  }
  object["rows"] = Json::array();
  for (const Row& row : result.rows) object["rows"].push_back(json_of(row));
  if (const Row* worst = worst_predicted(result.rows)) {
    object["worst_prediction_factor"] = worst->prediction_factor();
  }
  object["refused"] = Json::array();
  for (const Refused& one : result.refused) {
    Json refused = json_of(one.job);
    refused["engine"] = one.engine;
    refused["reason"] = one.reason;
    object["refused"].push_back(refused);
  }
  object["left_out"] = Json::array();
  for (const Case& job : result.left_out) object["left_out"].push_back(json_of(job));
  return object.dump(1) + "\n";
}

}  // namespace recur::perf
