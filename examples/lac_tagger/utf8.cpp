#include "utf8.hpp"

#include <string>

#include "recur/error.hpp"

namespace lac {
namespace {

[[noreturn]] void fail(std::size_t offset, const char* what) {
  throw recur::FormatError("UTF-8: " + std::string(what) + " at byte " + std::to_string(offset));
}

bool is_continuation(unsigned char byte) { return (byte & 0xC0u) == 0x80u; }

}  // namespace

Utf8Character utf8_next(std::string_view text, std::size_t offset) {
  if (offset >= text.size()) {
    throw recur::InvalidArgument("offset: expected less than the text's " + std::to_string(text.size()) +
                                 " bytes, got " + std::to_string(offset));
  }
  const auto byte_at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte_at(offset);
  if (lead < 0x80) return {lead, offset, 1};
  if (is_continuation(lead)) fail(offset, "a continuation byte that continues nothing");
  if (lead > 0xF4) fail(offset, "a byte that occurs in no UTF-8");

  const std::uint8_t bytes = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  char32_t code = lead & (0x7Fu >> bytes);
  for (std::uint8_t i = 1; i < bytes; ++i) {
    if (offset + i >= text.size()) fail(offset, "a truncated character");
    if (!is_continuation(byte_at(offset + i))) fail(offset + i, "a missing continuation byte");
    code = code << 6 | (byte_at(offset + i) & 0x3Fu);
  }
  // The smallest code point that needs this many bytes.
  const char32_t least = bytes == 2 ? 0x80 : bytes == 3 ? 0x800 : 0x10000;
  if (code < least) fail(offset, "an overlong form");
  if (code >= 0xD800 && code <= 0xDFFF) fail(offset, "a surrogate");
  if (code > 0x10FFFF) fail(offset, "a code point above U+10FFFF");
  return {code, offset, bytes};
}

std::vector<Utf8Character> utf8_decode(std::string_view text) {
  std::vector<Utf8Character> characters;
  for (std::size_t offset = 0; offset < text.size(); offset += characters.back().bytes) {
    characters.push_back(utf8_next(text, offset));
  }
  return characters;
}

}  // namespace lac
