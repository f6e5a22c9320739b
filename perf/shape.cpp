#include "perf/shape.hpp"

#include "recur/error.hpp"

namespace recur::perf {
namespace {

// The value whose name this is, of values that `name_of_value` names.
template <class Values, class Name>
const auto& find_named(const Values& values, const std::string& name, const char* what, Name name_of_value) {
  std::string known;
  for (const auto& value : values) {
    if (name_of_value(value) == name) return value;
    known += (known.empty() ? "" : ", ") + std::string(name_of_value(value));
  }
  throw InvalidArgument(std::string(what) + ": expected one of " + known + ", got '" + name + "'");
}

}  // namespace

std::string_view name_of(Precision value) {
  return value == Precision::tf32 ? "tf32" : recur::name_of(storage_of(value));
}

std::string_view name_of(Timed value) {
  switch (value) {
    case Timed::inference: return "inference";
    case Timed::forward: return "forward";
    case Timed::backward: return "backward";
    case Timed::step: break;
  }
  return "step";
}

DataType storage_of(Precision value) {
  switch (value) {
    case Precision::f64: return DataType::f64;
    case Precision::bf16: return DataType::bf16;
    case Precision::f16: return DataType::f16;
    case Precision::f32:
    case Precision::tf32: break;
  }
  return DataType::f32;
}

double rate_of(const PrecisionRates& rates, Precision value) {
  return rates.of(storage_of(value), value == Precision::tf32);
}

Precision parse_precision(const std::string& name) {
  return find_named(kPrecisions, name, "dtype", [](Precision value) { return name_of(value); });
}

Timed parse_timed(const std::string& name) {
  return find_named(kTimed, name, "pass", [](Timed value) { return name_of(value); });
}

Direction parse_direction(const std::string& name) {
  constexpr std::array kDirections = {Direction::forward, Direction::reverse, Direction::bidirectional};
  return find_named(kDirections, name, "direction", [](Direction value) { return recur::name_of(value); });
}

const NamedCell& parse_cell(const std::string& name) {
  return find_named(kCells, name, "cell", [](const NamedCell& value) { return value.name; });
}

Spec Shape::spec(Precision precision) const {
  Spec spec = parse_cell(cell).spec;
  spec.input_size = I;
  spec.hidden_size = H;
  spec.layers = L;
  spec.direction = direction;
  spec.dtype = storage_of(precision);
  spec.variable_lengths = !length_quantiles.empty();
  spec.reset_mask = mean_episode != 0;
  return spec;
}

Spec spec_for(const Shape& shape, Precision precision, Timed pass) {
  Spec spec = shape.spec(precision);
  if (pass == Timed::step) spec.variable_lengths = spec.reset_mask = false;
  return spec;
}

}  // namespace recur::perf
