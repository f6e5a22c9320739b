/// @file
/// For tests that walk the list of fields (host/fields.hpp): another value than the default for each type.
#pragma once

#include <optional>
#include <string_view>
#include <type_traits>

#include "host/fields.hpp"

namespace recur::test {

template <class Value>
void set_other(Value& value) {
  if constexpr (std::is_enum_v<Value>) {
    value = static_cast<Value>(static_cast<int>(value) == 0 ? 1 : 0);
  } else {
    value = static_cast<Value>(value + 1);
  }
}
inline void set_other(bool& value) { value = !value; }
inline void set_other(host::Activations& value) { value[0] = {Activation::elu, 0.5, 0.25}; }
inline void set_other(std::optional<host::Activations>& value) { set_other(value.emplace()); }
inline void set_other(LogCallback& value) {
  value.write = [](void*, std::string_view) {};
}

}  // namespace recur::test
