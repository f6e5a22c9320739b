#include "examples/lac_tagger/utf8.hpp"

#include <gtest/gtest.h>

#include <string>

#include "tasks/tensor.hpp"

namespace recur::test {
namespace {

using lac::utf8_decode;
using lac::utf8_next;
using lac::Utf8Character;

// The definition of UTF-8, not our decoder turned around.
std::string encode(char32_t code) {
  const auto byte = [](char32_t value) { return static_cast<char>(static_cast<unsigned char>(value)); };
  if (code < 0x80) return {byte(code)};
  if (code < 0x800) return {byte(0xC0 | code >> 6), byte(0x80 | (code & 0x3F))};
  if (code < 0x10000)
    return {byte(0xE0 | code >> 12), byte(0x80 | (code >> 6 & 0x3F)), byte(0x80 | (code & 0x3F))};
  return {byte(0xF0 | code >> 18), byte(0x80 | (code >> 12 & 0x3F)), byte(0x80 | (code >> 6 & 0x3F)),
          byte(0x80 | (code & 0x3F))};
}

TEST(Utf8, EveryScalarValueRoundTrips) {
  std::string text;
  std::vector<char32_t> codes;
  for (char32_t code = 0; code <= 0x10FFFF; ++code) {
    if (code >= 0xD800 && code <= 0xDFFF) continue;
    codes.push_back(code);
    text += encode(code);
  }
  const std::vector<Utf8Character> characters = utf8_decode(text);
  ASSERT_EQ(characters.size(), codes.size());
  std::size_t offset = 0;
  for (std::size_t i = 0; i < codes.size(); ++i) {
    ASSERT_EQ(characters[i].code, codes[i]);
    ASSERT_EQ(characters[i].offset, offset);
    offset += characters[i].bytes;
  }
  EXPECT_EQ(offset, text.size());
  EXPECT_TRUE(utf8_decode("").empty());
}

TEST(Utf8, RefusesWhatIsNotUtf8AndSaysWhere) {
  const struct {
    std::string bad;
    const char* what;
    std::size_t at;  // within `bad`
  } cases[] = {
      {"\x80", "continuation", 0},
      {"\xBF", "continuation", 0},
      {"\xC3", "truncated", 0},
      {"\xE4\xBB", "truncated", 0},
      {"\xF0\xA0\xAE", "truncated", 0},
      {"\xC3(", "missing continuation", 1},
      {"\xE4\xBB\xC3\xA9", "missing continuation", 2},
      {"\xC0\x80", "overlong", 0},          // U+0000
      {"\xC1\xBF", "overlong", 0},          // U+007F
      {"\xE0\x9F\xBF", "overlong", 0},      // U+07FF
      {"\xF0\x8F\xBF\xBF", "overlong", 0},  // U+FFFF
      {"\xED\xA0\x80", "surrogate", 0},     // U+D800
      {"\xED\xBF\xBF", "surrogate", 0},     // U+DFFF
      {"\xF4\x90\x80\x80", "U+10FFFF", 0},  // U+110000
      {"\xF5\x80\x80\x80", "occurs in no UTF-8", 0},
      {"\xFE", "occurs in no UTF-8", 0},
      {"\xFF", "occurs in no UTF-8", 0},
  };
  for (const auto& c : cases) {
    const std::string prefix = "ab\xE4\xBB\x96";  // five bytes
    const std::string where = "at byte " + std::to_string(prefix.size() + c.at);
    expect_throws<FormatError>([&] { utf8_decode(prefix + c.bad); }, {c.what, where}, c.what);
  }
}

TEST(Utf8, RefusesAnOffsetPastTheText) {
  EXPECT_EQ(utf8_next("ab", 1).code, U'b');
  expect_throws<InvalidArgument>([] { utf8_next("ab", 2); }, {"offset", "2"}, "at the end");
  expect_throws<InvalidArgument>([] { utf8_next("", 0); }, {"offset", "0"}, "empty");
}

}  // namespace
}  // namespace recur::test
