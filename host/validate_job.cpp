#include "host/validate_job.hpp"

#include <cmath>
#include <string>
#include <type_traits>
#include <utility>

#include "host/activations.hpp"
#include "host/check.hpp"
#include "host/fields.hpp"
#include "host/rates.hpp"

namespace recur::host {
namespace {

[[noreturn]] void fail(std::string_view field, const std::string& expected, const std::string& got) {
  throw InvalidArgument(std::string(field) + ": expected " + expected + ", got " + got);
}

void at_least(std::string_view field, std::int64_t value, std::int64_t least) {
  if (value < least) fail(field, "at least " + std::to_string(least), std::to_string(value));
}

void probability(std::string_view field, double value) {
  if (!(value >= 0 && value < 1)) fail(field, "a probability in [0, 1)", std::to_string(value));
}

// An enumerator outside its enumeration has no name.
template <class Enum>
bool is_known(Enum value) {
  return !name_of(value).starts_with("unknown");
}
template <class Enum>
void known(std::string_view field, Enum value) {
  if (!is_known(value)) fail(field, "one of its enumerators", std::to_string(static_cast<int>(value)));
}
// All fields of Spec or of Options that are enumerations.
template <class Owner>
void known_enumerators(std::string_view prefix, const Owner& owner) {
  each_field<Owner>([&]<class Value>(const Field<Owner, Value>& field) {
    if constexpr (std::is_enum_v<Value>) {
      const Value value = owner.*field.member;
      if (!is_known(value)) known(std::string(prefix) + std::string(field.name), value);
    }
  });
}

// One direction's functions.
void validate_activations(const Spec& spec, std::string_view name,
                          const std::array<GateActivation, 3>& activations) {
  const std::string cell(name_of(spec.cell));
  for (std::size_t place = 0; place < activations.size(); ++place) {
    const std::string field = std::string(name) + "[" + std::to_string(place) + "]";
    const GateActivation& gate = activations[place];
    if (place >= static_cast<std::size_t>(activation_places(spec.cell)) &&
        gate.function != Activation::standard) {
      fail(field, "standard, the cell has no function there",
           std::string(name_of(gate.function)) + " in " + cell);
    }
    for (const auto& [parameter, value] : {std::pair(".alpha", gate.alpha), std::pair(".beta", gate.beta)}) {
      if (!std::isfinite(value)) fail(field + parameter, "a finite number", std::to_string(value));
    }
  }
}

void validate_spec(const Spec& spec) {
  known_enumerators("Spec::", spec);
  for (const GateActivation& gate : spec.activations) known("Spec::activations", gate.function);
  if (spec.reverse_activations) {
    for (const GateActivation& gate : *spec.reverse_activations)
      known("Spec::reverse_activations", gate.function);
  }

  at_least("Spec::input_size (I)", spec.input_size, 1);
  at_least("Spec::hidden_size (H)", spec.hidden_size, 1);
  at_least("Spec::layers (L)", spec.layers, 1);
  if (spec.layers > kMaxLayers) {
    fail("Spec::layers (L)", "at most " + std::to_string(kMaxLayers), std::to_string(spec.layers));
  }
  if (spec.dtype == DataType::i32 || spec.dtype == DataType::u8) {
    fail("Spec::dtype", "a floating-point type", std::string(name_of(spec.dtype)));
  }

  const std::string cell(name_of(spec.cell));
  each_field<Spec>([&](const auto& field) {
    if (!field.cell || spec.cell == *field.cell || is_default(field, spec)) return;
    fail("Spec::" + std::string(field.name),
         "its default, it belongs to " + std::string(name_of(*field.cell)), cell);
  });

  at_least("Spec::projection_size (P)", spec.projection_size, 0);
  if (spec.projection_size > spec.hidden_size) {
    fail("Spec::projection_size (P)", "at most H=" + std::to_string(spec.hidden_size),
         std::to_string(spec.projection_size));
  }
  validate_activations(spec, "Spec::activations", spec.activations);
  if (spec.reverse_activations) {
    if (spec.direction != Direction::bidirectional) {
      fail("Spec::reverse_activations", "none, they belong to bidirectional layers",
           "some in a layer of direction " + std::string(name_of(spec.direction)));
    }
    validate_activations(spec, "Spec::reverse_activations", *spec.reverse_activations);
  }
  if (spec.forest) {
    const auto off = [](std::string_view field, bool on) {
      if (on) fail(field, "off, since rows of a forest are no sequences", "on");
    };
    if (spec.direction != Direction::forward) {
      fail("Spec::direction", "forward, since a forest is read from its roots",
           std::string(name_of(spec.direction)));
    }
    off("Spec::variable_lengths", spec.variable_lengths);
    off("Spec::reset_mask", spec.reset_mask);
  }
  probability("Spec::dropout", spec.dropout);
  probability("Spec::recurrent_dropout", spec.recurrent_dropout);
  probability("Spec::zoneout", spec.zoneout);
  if (!(spec.clip >= 0 && std::isfinite(spec.clip))) {
    fail("Spec::clip", "a finite bound of at least 0", std::to_string(spec.clip));
  }
}

}  // namespace

void validate_layer(const Spec& spec, std::int64_t layer) {
  validate_job({spec, {1, 1}, Device::cpu().props(), {}});
  if (layer < 0 || layer >= spec.layers) {
    throw InvalidArgument("layer: expected 0 <= layer < L=" + std::to_string(spec.layers) + ", got " +
                          std::to_string(layer));
  }
}

void validate_job(const Job& job) {
  validate_spec(job.spec);
  at_least("Shape::steps (T)", job.shape.steps, 1);
  at_least("Shape::batch (B)", job.shape.batch, 1);
  if (job.spec.forest && job.shape.steps != 1) {
    fail("Shape::steps (T)", "1, since a forest has rows and no steps", std::to_string(job.shape.steps));
  }
  known_enumerators("Options::", job.options);
  at_least("Options::threads", job.options.threads, 1);
  at_least("Options::checkpoint_interval", job.options.checkpoint_interval, 0);
  at_least("Options::truncation_window", job.options.truncation_window, 0);
  if (job.device.rates) validate_rates(*job.device.rates);

  // The largest tensors of the contract, in bytes, must be addressable whatever the engine.
  const Spec& spec = job.spec;
  const std::int64_t width = static_cast<std::int64_t>(size_of(spec.dtype));
  const std::int64_t units = checked_product("D*H", {directions_of(spec), spec.hidden_size});
  const std::int64_t outputs = directions_of(spec) * output_size_of(spec);
  for (std::int64_t layer = 0; layer < 2; ++layer) {
    const std::int64_t inputs = layer == 0 ? spec.input_size : outputs;
    checked_product("x [T][B][I]", {job.shape.steps, job.shape.batch, inputs, width});
    checked_product("W [D][G*H][I]", {gates_of(spec), units, inputs, width});
  }
  checked_product("y [T][B][D*H]", {job.shape.steps, job.shape.batch, outputs, width});
  checked_product("h0 [L][D][B][H]", {spec.layers, job.shape.batch, units, width});
  if (spec.cell_sequence) {
    checked_product("c_sequence [T][B][D*H]", {job.shape.steps, job.shape.batch, units, width});
  }
}

}  // namespace recur::host
