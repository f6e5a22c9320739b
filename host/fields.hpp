// The fields of Spec and of Options, listed once. Fingerprints, the C interface, validation and the refusals of
// engines walk this list; tests hold the soak test, docs/support.md and the perf suite against it.
//
// A field that is missing here does not compile. Fingerprints add the fields in this order, so a new one goes
// to the end of its list, wherever it stands in its struct.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string_view>
#include <type_traits>

#include "host/hash.hpp"
#include "recur/spec.hpp"

namespace recur::host {

using Activations = std::array<GateActivation, 3>;  // of the gates of one direction

// What a field asks of an engine.
enum class Need : std::uint8_t {
  required,  // Every engine serves the field; a row of its own says which values it refuses.
  optional,  // An engine that does not name the field refuses every value but the default (refusals.hpp).
  wish,      // An engine may ignore the field.
};

// FIELD(name, need, cell): `cell` is the only one that may set the field, or `any`.
#define RECUR_SPEC_FIELDS(FIELD)              \
  FIELD(cell, required, any)                  \
  FIELD(activation, required, rnn)            \
  FIELD(residual, optional, rnn)              \
  FIELD(gru_reset, optional, gru)             \
  FIELD(peepholes, optional, lstm)            \
  FIELD(coupled_input_forget, optional, lstm) \
  FIELD(input_size, required, any)            \
  FIELD(hidden_size, required, any)           \
  FIELD(layers, required, any)                \
  FIELD(direction, required, any)             \
  FIELD(bias, required, any)                  \
  FIELD(dtype, required, any)                 \
  FIELD(layout, required, any)                \
  FIELD(variable_lengths, optional, any)      \
  FIELD(reset_mask, optional, any)            \
  FIELD(cell_sequence, optional, lstm)        \
  FIELD(projection_size, optional, lstm)      \
  FIELD(dropout, optional, any)               \
  FIELD(recurrent_dropout, optional, any)     \
  FIELD(zoneout, optional, any)               \
  FIELD(layer_norm, optional, any)            \
  FIELD(clip, optional, any)                  \
  FIELD(activations, optional, any)           \
  FIELD(reverse_activations, optional, any)   \
  FIELD(forest, optional, any)

// FIELD(name, need, bits): `counted` says that the field is a part of fingerprints. What a plan makes of the
// others, such as its number of threads, the engine counts in EngineFacts::bits_id.
#define RECUR_OPTIONS_FIELDS(FIELD)             \
  FIELD(pass, required, counted)                \
  FIELD(batch_invariant, optional, counted)     \
  FIELD(tf32, wish, counted)                    \
  FIELD(checkpoint_interval, optional, counted) \
  FIELD(truncation_window, optional, counted)   \
  FIELD(engine, required, not_counted)          \
  FIELD(threads, wish, not_counted)             \
  FIELD(cudnn_algorithm, wish, not_counted)     \
  FIELD(log, wish, not_counted)

enum class FieldId : std::uint8_t {
#define RECUR_FIELD_ID(name, ...) name,
  RECUR_SPEC_FIELDS(RECUR_FIELD_ID) RECUR_OPTIONS_FIELDS(RECUR_FIELD_ID)
#undef RECUR_FIELD_ID
};

// A field of Owner, which is Spec or Options.
template <class Owner, class Value>
struct Field {
  FieldId id;
  std::string_view name;
  Value Owner::*member;
  Need need;
  std::optional<Cell> cell;  // the only one that has it
  bool is_counted;           // in fingerprints
};
template <class Owner, class Value>
Field(FieldId, std::string_view, Value Owner::*, Need, std::optional<Cell>, bool) -> Field<Owner, Value>;

namespace fields {

inline constexpr std::nullopt_t any = std::nullopt;
inline constexpr Cell rnn = Cell::rnn, gru = Cell::gru, lstm = Cell::lstm;
inline constexpr bool counted = true, not_counted = false;

// How many members an aggregate has, counted by the initialisers that it takes.
struct Any {
  template <class E>
  operator E() const;  // NOLINT(google-explicit-constructor): stands for any initialiser
};
template <class Struct, class... Initialisers>
consteval std::size_t member_count() {
  if constexpr (requires { Struct{Initialisers{}..., {}}; }) {
    return member_count<Struct, Initialisers..., Any>();
  } else {
    return sizeof...(Initialisers);
  }
}
#define RECUR_LISTED(name, ...) FieldId::name,
static_assert(member_count<Spec>() == std::initializer_list<FieldId>{RECUR_SPEC_FIELDS(RECUR_LISTED)}.size(),
              "RECUR_SPEC_FIELDS lists every field of Spec");
static_assert(member_count<Options>() ==
                  std::initializer_list<FieldId>{RECUR_OPTIONS_FIELDS(RECUR_LISTED)}.size(),
              "RECUR_OPTIONS_FIELDS lists every field of Options");
#undef RECUR_LISTED

}  // namespace fields

// Calls visit(field) for every field of Owner, which is Spec or Options.
template <class Owner, class Visit>
constexpr void each_field(Visit&& visit) {
  if constexpr (std::is_same_v<Owner, Spec>) {
#define RECUR_VISIT(name, need, cell) \
  visit(Field{FieldId::name, #name, &Spec::name, Need::need, std::optional<Cell>(fields::cell), true});
    RECUR_SPEC_FIELDS(RECUR_VISIT)
#undef RECUR_VISIT
  } else {
    static_assert(std::is_same_v<Owner, Options>);
#define RECUR_VISIT(name, need, bits) \
  visit(Field{FieldId::name, #name, &Options::name, Need::need, std::optional<Cell>(), fields::bits});
    RECUR_OPTIONS_FIELDS(RECUR_VISIT)
#undef RECUR_VISIT
  }
}

// Whether two values are the same, of every type that a field has.
template <class Value>
constexpr bool same_value(const Value& a, const Value& b) {
  return a == b;
}
constexpr bool same_value(const GateActivation& a, const GateActivation& b) {
  return a.function == b.function && a.alpha == b.alpha && a.beta == b.beta;
}
constexpr bool same_value(const Activations& a, const Activations& b) {
  return same_value(a[0], b[0]) && same_value(a[1], b[1]) && same_value(a[2], b[2]);
}
constexpr bool same_value(const std::optional<Activations>& a, const std::optional<Activations>& b) {
  return a.has_value() == b.has_value() && (!a || same_value(*a, *b));
}
constexpr bool same_value(const LogCallback& a, const LogCallback& b) {
  return a.write == b.write && a.user == b.user;
}

template <class Owner, class Value>
constexpr bool is_default(const Field<Owner, Value>& field, const Owner& owner) {
  return same_value(owner.*field.member, Owner{}.*field.member);
}

// Adds the functions of all gates, of one direction or of a second that may have none.
void add_value(Hash& hash, const Activations& activations);
void add_value(Hash& hash, const std::optional<Activations>& activations);

// Adds every field that is a part of fingerprints.
void add_fields(Hash& hash, const Spec& spec);
void add_fields(Hash& hash, const Options& options);

}  // namespace recur::host
