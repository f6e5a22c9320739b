/// @file
/// The values of an enumeration of the library, for tests that go through all of them.
#pragma once

#include <vector>

#include "recur/types.hpp"

namespace recur::test {

/// All from `first` on: those that have a name.
template <class Enum>
std::vector<Enum> enumerators(int first) {
  std::vector<Enum> all;
  for (int value = first; !name_of(static_cast<Enum>(value)).starts_with("unknown"); ++value)
    all.push_back(static_cast<Enum>(value));
  return all;
}

}  // namespace recur::test
