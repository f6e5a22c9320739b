#include "examples/lac_tagger/dictionary.hpp"

#include <gtest/gtest.h>

#include "tasks/tensor.hpp"

namespace recur::test {
namespace {

using lac::parse_dictionary;

TEST(Dictionary, KeepsTheOrderOfTheFile) {
  // White space and control characters are texts like any other; the last line may lack its end.
  const auto entries = parse_dictionary("3\t的\n\n0\tOOV\n2147483647\t\x0B\n7\t ");
  ASSERT_EQ(entries.size(), 4U);
  EXPECT_EQ(entries[0].id, 3);
  EXPECT_EQ(entries[0].text, "的");
  EXPECT_EQ(entries[1].text, "OOV");
  EXPECT_EQ(entries[2].id, 2147483647);
  EXPECT_EQ(entries[2].text, "\x0B");
  EXPECT_EQ(entries[3].text, " ");
  EXPECT_TRUE(parse_dictionary("").empty());
  EXPECT_TRUE(parse_dictionary("\n\n").empty());
}

TEST(Dictionary, RefusesWithLineAndOffset) {
  const struct {
    std::string line;
    const char* what;
  } cases[] = {
      {"no tab", "no tab"},
      {"1\t", "no text"},
      {"\ta", "decimal id"},
      {"1\ta\tb", "one tab"},
      {"1\ta\r", "carriage return"},
      {"-1\ta", "decimal id"},
      {"-0\ta", "decimal id"},
      {"+1\ta", "decimal id"},
      {" 1\ta", "decimal id"},
      {"1 \ta", "decimal id"},
      {"0x1\ta", "decimal id"},
      {"1.0\ta", "decimal id"},
      {"2147483648\ta", "decimal id"},
      {"99999999999999999999\ta", "decimal id"},
      {"1\t\xFF", "UTF-8"},
      {"5\tnew", "5 again"},
      {"05\tnew", "5 again"},
      {"6\told", "old again"},
  };
  for (const auto& c : cases) {
    expect_throws<FormatError>([&] { parse_dictionary("5\told\n\n" + c.line + "\n9\tz\n"); },
                               {c.what, "line 3", "at byte 7"}, c.line);
  }
}

}  // namespace
}  // namespace recur::test
