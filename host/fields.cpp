#include "host/fields.hpp"

namespace recur::host {
namespace {

template <class Value>
requires std::is_integral_v<Value> || std::is_enum_v<Value>
void add_value(Hash& hash, Value value) { hash.add(static_cast<std::uint64_t>(value)); }
void add_value(Hash& hash, double value) { hash.add_bits(value); }
void add_value(Hash& /*hash*/, const LogCallback& /*log*/) {}

template <class Owner>
void add_all(Hash& hash, const Owner& owner) {
  each_field<Owner>([&](const auto& field) {
    if (field.is_counted) add_value(hash, owner.*field.member);
  });
}

}  // namespace

void add_value(Hash& hash, const Activations& activations) {
  for (const GateActivation& gate : activations)
    hash.add(static_cast<std::uint64_t>(gate.function)).add_bits(gate.alpha).add_bits(gate.beta);
}
void add_value(Hash& hash, const std::optional<Activations>& activations) {
  if (activations) add_value(hash, *activations);
}

void add_fields(Hash& hash, const Spec& spec) { add_all(hash, spec); }
void add_fields(Hash& hash, const Options& options) { add_all(hash, options); }

}  // namespace recur::host
