// Any bytes are UTF-8 or a FormatError, a dictionary or a FormatError; lines are split without loss.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "examples/lac_tagger/dictionary.hpp"
#include "examples/lac_tagger/lac.hpp"
#include "examples/lac_tagger/utf8.hpp"
#include "recur/error.hpp"

namespace {

void require(bool promise) {
  if (!promise) std::abort();
}

template <class Call>
void may_refuse(Call&& call) {
  try {
    call();
  } catch (const recur::FormatError&) {
    // What malformed text is meant to give.
  }
}

void decode(std::string_view text) {
  std::size_t end = 0;
  for (const lac::Utf8Character& c : lac::utf8_decode(text)) {
    require(c.offset == end && c.bytes >= 1 && c.bytes <= 4 && c.code <= 0x10FFFF);
    end += c.bytes;
  }
  require(end == text.size());
}

void split(std::string_view text, std::int64_t most) {
  const char* end = text.data();
  for (const std::string_view piece : lac::split_line(text, most)) {
    require(piece.data() == end || text.empty());
    require(static_cast<std::int64_t>(lac::utf8_decode(piece).size()) <= most);
    end += piece.size();
  }
  require(end == text.data() + text.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  may_refuse([&] { decode(text); });
  may_refuse([&] { lac::parse_dictionary(text); });
  for (const std::int64_t most : {1, 3, 16}) {
    may_refuse([&] { split(text, most); });
  }
  return 0;
}
