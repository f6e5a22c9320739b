/// @file
/// Strict UTF-8 (RFC 3629; The Unicode Standard, table 3-7).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace lac {

/// One code point and where it lies in the text.
struct Utf8Character {
  char32_t code = 0;
  std::size_t offset = 0;  ///< of its first byte
  std::uint8_t bytes = 0;  ///< 1 to 4
};

/// Decodes the code point that starts at `offset`.
///
/// @throws InvalidArgument unless offset < text.size().
/// @throws FormatError naming the byte offset for a byte that starts no sequence, a truncated sequence, a
///         missing continuation byte, an overlong form, a surrogate and anything above U+10FFFF.
Utf8Character utf8_next(std::string_view text, std::size_t offset);

/// Decodes a whole text. @throws FormatError as `utf8_next` does.
std::vector<Utf8Character> utf8_decode(std::string_view text);

}  // namespace lac
