// Sizes as messages show them.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace lac {

inline std::string dims_text(std::span<const std::int64_t> dims) {
  std::string text;
  for (std::int64_t size : dims) {
    text += '[';
    text += std::to_string(size);
    text += ']';
  }
  return text;
}

}  // namespace lac
