#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "perf/lengths.hpp"
#include "perf/shape.hpp"
#include "recur/error.hpp"

namespace recur::perf {
namespace {

using Json = nlohmann::json;

// Fields of one object, each asked for once; what is left over at the end is a mistake.
class Fields {
 public:
  Fields(const Json& object, std::string where) : object_(object), where_(std::move(where)) {
    if (!object.is_object()) throw InvalidArgument(where_ + ": expected an object");
  }

  template <class T>
  T required(const char* name) {
    if (!object_.contains(name)) throw InvalidArgument(where_ + ": expected a field '" + name + "'");
    return optional<T>(name, T());
  }
  template <class T>
  T optional(const char* name, T otherwise) {
    asked_.insert(name);
    if (!object_.contains(name)) return otherwise;
    try {
      return object_.at(name).get<T>();
    } catch (const Json::exception&) {
      throw InvalidArgument(where_ + "." + name +
                            ": a value of this type is not expected: " + object_.at(name).dump());
    }
  }
  std::int64_t size(const char* name) {
    const auto value = required<std::int64_t>(name);
    if (value < 1) throw InvalidArgument(where_ + "." + name + ": expected at least 1");
    return value;
  }
  const Json* object(const char* name) {
    asked_.insert(name);
    return object_.contains(name) ? &object_.at(name) : nullptr;
  }
  void finish() const {
    for (const auto& [name, value] : object_.items()) {
      if (!asked_.contains(name)) throw InvalidArgument(where_ + ": unknown field '" + name + "'");
    }
  }
  const std::string& where() const { return where_; }

 private:
  const Json& object_;
  std::string where_;
  std::set<std::string> asked_;
};

template <class Parse>
auto parse_all(const std::vector<std::string>& names, Parse parse) {
  std::vector<decltype(parse(std::string()))> values;
  values.reserve(names.size());
  for (const std::string& name : names) values.push_back(parse(name));
  return values;
}

void parse_lengths(const Json& object, Shape& shape) {
  Fields fields(object, "shape '" + shape.name + "'.lengths");
  shape.length_quantiles = fields.required<std::vector<double>>("quantiles");
  shape.length_source = fields.required<std::string>("source");
  fields.finish();
  lengths_of(shape.length_quantiles, shape.T, shape.B);  // refuses what is no distribution
}

Shape parse_shape(const Json& object) {
  const std::string name = object.is_object() ? object.value("name", "?") : "?";
  Fields fields(object, "shape '" + name + "'");
  Shape shape;
  shape.name = fields.required<std::string>("name");
  shape.stands_for = fields.required<std::string>("stands_for");
  shape.worth = fields.required<int>("worth");
  shape.cell = parse_cell(fields.required<std::string>("cell")).name;
  shape.T = fields.size("T");
  shape.B = fields.size("B");
  shape.I = fields.size("I");
  shape.H = fields.size("H");
  shape.L = fields.optional<std::int64_t>("L", 1);
  if (shape.L < 1) throw InvalidArgument(fields.where() + ".L: expected at least 1");
  shape.direction = parse_direction(fields.optional<std::string>("direction", "forward"));
  if (const Json* lengths = fields.object("lengths")) parse_lengths(*lengths, shape);
  shape.mean_episode = fields.optional<double>("mean_episode", 0.0);
  if (shape.mean_episode != 0 && shape.mean_episode < 1) {
    throw InvalidArgument(fields.where() + ".mean_episode: expected at least 1");
  }
  shape.precisions = parse_all(fields.required<std::vector<std::string>>("dtypes"), parse_precision);
  shape.passes = parse_all(fields.required<std::vector<std::string>>("passes"), parse_timed);
  if (shape.precisions.empty() || shape.passes.empty()) {
    throw InvalidArgument(fields.where() + ": expected at least one of dtypes and of passes");
  }
  if (shape.direction != Direction::forward && std::ranges::count(shape.passes, Timed::step) != 0) {
    throw InvalidArgument(fields.where() + ": expected direction forward where steps are timed");
  }
  fields.finish();
  return shape;
}

}  // namespace

std::vector<Shape> parse_shapes(std::string_view json) {
  Json parsed;
  try {
    parsed = Json::parse(json);
  } catch (const Json::exception& error) {
    throw FormatError(std::string("shapes: ") + error.what());
  }
  Fields file(parsed, "shapes");
  const Json* list = file.object("shapes");
  if (list == nullptr || !list->is_array()) throw InvalidArgument("shapes: expected a list 'shapes'");
  file.finish();
  std::vector<Shape> shapes;
  for (const Json& object : *list) {
    shapes.push_back(parse_shape(object));
    const auto same = [&](const Shape& other) { return other.name == shapes.back().name; };
    if (std::ranges::count_if(shapes, same) > 1) {
      throw InvalidArgument("shape '" + shapes.back().name + "': expected one shape of this name");
    }
  }
  std::ranges::stable_sort(shapes, std::ranges::greater(), &Shape::worth);
  return shapes;
}

}  // namespace recur::perf
