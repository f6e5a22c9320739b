#include "perf/floor.hpp"

#include <algorithm>

#include "host/rates.hpp"
#include "recur/error.hpp"

namespace recur::perf {

using host::level_for;

namespace {

// Reading `bytes` again and again: as much as a level holds may stay there, the rest comes from the next.
double reading_seconds(const Rates& rates, double bytes) {
  double seconds = 0;
  for (const MemoryLevel& level : rates.levels) {
    const bool is_last = &level == &rates.levels.back();
    const double part = is_last ? bytes : std::min(bytes, level.bytes);
    seconds += part / level.bytes_per_second;
    bytes -= part;
  }
  return seconds;
}

}  // namespace

Floor floor_of(const Work& work, const Rates& rates, Precision precision, bool cold) {
  const double rate = rate_of(rates.operations_per_second, precision);
  if (rate == 0) return {};
  if (rates.levels.empty()) throw InvalidArgument("floor: expected at least one level of memory");

  const double moved = work.stream_bytes + work.weight_bytes;
  const MemoryLevel& data = cold ? rates.levels.back() : level_for(rates, moved);

  double hop_seconds = 0;
  std::string hop_name;
  for (const Hop& hop : rates.hops) {
    if (work.recurrent_bytes <= hop.holds_bytes && (hop_name.empty() || hop.seconds < hop_seconds)) {
      hop_seconds = hop.seconds;
      hop_name = hop.name;
    }
  }
  const double read = std::max(0.0, work.recurrent_bytes - rates.resident_bytes);
  const MemoryLevel& R = level_for(rates, work.recurrent_bytes);
  const double recurrent_products = work.recurrent_operations / rate;
  const double recurrent_reads = work.recurrent_reads * reading_seconds(rates, read);
  const double hops = work.chain * hop_seconds;

  std::string steps = "steps: ";
  steps += recurrent_reads > recurrent_products ? "R in " + R.name : "products";
  if (!hop_name.empty()) steps += ", hop: " + hop_name;
  const Floor candidates[] = {
      {work.operations / rate, "operations"},
      {cold ? moved / data.bytes_per_second : reading_seconds(rates, moved), "bytes in " + data.name},
      {hops + std::max(recurrent_products, recurrent_reads), steps},
  };
  return *std::ranges::max_element(candidates, {}, &Floor::seconds);
}

}  // namespace recur::perf
