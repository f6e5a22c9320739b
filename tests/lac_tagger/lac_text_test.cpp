// The text side of lexical analysis, without a model: white space, words from labels, splitting of lines.
#include "examples/lac_tagger/lac_text.hpp"

#include <gtest/gtest.h>

#include "tasks/tensor.hpp"

namespace recur::test {
namespace {

using lac::LacLabel;
using lac::split_line;
using lac::TaggedWord;
using lac::utf8_decode;
using lac::Utf8Character;

using Pieces = std::vector<std::string_view>;

LacLabel label(const std::string& text) {
  return {text, text.substr(0, text.find('-')), text.ends_with("-B"), text == "O"};
}

// "text/tag text/tag" of a sentence whose characters have these labels.
std::string words(const std::string& sentence, const std::vector<std::string>& texts) {
  std::vector<LacLabel> labels;
  std::vector<std::int32_t> path;
  for (const std::string& text : texts) {
    path.push_back(static_cast<std::int32_t>(labels.size()));
    labels.push_back(label(text));
  }
  std::string result;
  for (const TaggedWord& word : lac::words_of(sentence, utf8_decode(sentence), path, labels)) {
    if (!result.empty()) result += ' ';
    result.append(word.text).append("/").append(word.tag);
  }
  return result;
}

TEST(LacWords, BeginAtBAndAtTheFirstO) {
  EXPECT_EQ(words("", {}), "");
  EXPECT_EQ(words("天", {"n-B"}), "天/n");
  EXPECT_EQ(words("今天好", {"TIME-B", "TIME-I", "a-B"}), "今天/TIME 好/a");
  EXPECT_EQ(words("好好", {"a-B", "a-B"}), "好/a 好/a");
  EXPECT_EQ(words("abcd", {"n-B", "O", "O", "n-B"}), "a/n bc/O d/n");
  EXPECT_EQ(words("ab", {"O", "O"}), "ab/O");
}

// An -I never begins a word, not even after a word of another tag; a first character always does.
TEST(LacWords, InsideLabelsContinueWhateverIsThere) {
  EXPECT_EQ(words("ab", {"n-I", "n-I"}), "ab/n");
  EXPECT_EQ(words("abc", {"n-B", "v-I", "n-I"}), "abc/n");
  EXPECT_EQ(words("ab", {"O", "n-I"}), "ab/O");
  EXPECT_EQ(words("abc", {"n-I", "O", "n-I"}), "a/n bc/O");
}

TEST(LacWords, AreTheSentencesOwnBytes) {
  const std::string sentence = "爱𠮷é野";
  const std::vector<Utf8Character> characters = utf8_decode(sentence);
  const std::vector<LacLabel> labels{label("v-B"), label("v-I")};
  const std::vector<std::int32_t> path{0, 1, 0, 1};
  const std::vector<TaggedWord> cut = lac::words_of(sentence, characters, path, labels);
  ASSERT_EQ(cut.size(), 2U);
  EXPECT_EQ(cut[0].text.data(), sentence.data());
  EXPECT_EQ(cut[1].text, "é野");
  EXPECT_EQ(cut[1].text.data() + cut[1].text.size(), sentence.data() + sentence.size());
}

// The list is that of Python's str.isspace.
TEST(LacText, StripsWhatPythonStrips) {
  const std::u32string_view spaces =
      U"\t\n\v\f\r\x1C\x1D\x1E\x1F "
      U"\x85\xA0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200A"
      U"\u2028\u2029\u202F\u205F\u3000";
  std::size_t count = 0;
  for (char32_t code = 0; code <= 0x10FFFF; ++code) {
    const bool expected = spaces.find(code) != spaces.npos;
    EXPECT_EQ(lac::is_white_space(code), expected) << static_cast<std::uint32_t>(code);
    count += expected ? 1U : 0U;
  }
  EXPECT_EQ(count, 29U);

  const std::vector<Utf8Character> text = utf8_decode("\u3000 你 好\r\n");
  const auto stripped = lac::strip(text);
  ASSERT_EQ(stripped.size(), 3U);
  EXPECT_EQ(stripped.front().code, U'你');
  EXPECT_EQ(stripped.back().code, U'好');
  EXPECT_TRUE(lac::strip(utf8_decode(" \t\u3000")).empty());
  EXPECT_TRUE(lac::strip({}).empty());
}

TEST(SplitLine, LeavesShortLinesAlone) {
  EXPECT_EQ(split_line("", 1), Pieces{""});
  EXPECT_EQ(split_line("你好。你好", 5), Pieces{"你好。你好"});
}

TEST(SplitLine, PrefersTheLastEndOfASentence) {
  EXPECT_EQ(split_line("一。二！三，四五六", 6), (Pieces{"一。二！", "三，四五六"}));
  EXPECT_EQ(split_line("一；二三四五", 5), (Pieces{"一；", "二三四五"}));
  EXPECT_EQ(split_line("一。二。三。四。", 4), (Pieces{"一。二。", "三。四。"}));
}

TEST(SplitLine, KeepsClosingMarksWithTheirSentence) {
  EXPECT_EQ(split_line("他说：“好。”我走了", 7), (Pieces{"他说：“好。”", "我走了"}));
  EXPECT_EQ(split_line("好吗？！对对对", 5), (Pieces{"好吗？！", "对对对"}));
  // A cut after the first mark would tear the run apart, so the one before it is taken.
  EXPECT_EQ(split_line("一。二？！三四", 4), (Pieces{"一。", "二？！", "三四"}));
}

TEST(SplitLine, FallsBackToClausesThenAnywhere) {
  EXPECT_EQ(split_line("一二，三四五六", 5), (Pieces{"一二，", "三四五六"}));
  EXPECT_EQ(split_line("ab cd ef", 7), (Pieces{"ab cd ", "ef"}));
  EXPECT_EQ(split_line("一二三四五", 2), (Pieces{"一二", "三四", "五"}));
  EXPECT_EQ(split_line("。。。。。", 2), (Pieces{"。。", "。。", "。"}));
}

TEST(SplitLine, LosesNothing) {
  const std::string_view parts[] = {"你", "好", "。", "，", "”", "a", " ", "𠮷", "!"};
  Random random(1);
  for (int round = 0; round < 300; ++round) {
    std::string line;
    for (std::int64_t n = random.integer(0, 40); n > 0; --n) line += parts[random.integer(0, 8)];
    const std::int64_t most = random.integer(1, 12);
    std::string joined;
    for (const std::string_view piece : split_line(line, most)) {
      EXPECT_LE(static_cast<std::int64_t>(utf8_decode(piece).size()), most);
      EXPECT_TRUE(line.empty() || !piece.empty());
      joined += piece;
    }
    EXPECT_EQ(joined, line);
  }
}

TEST(SplitLine, Refuses) {
  for (const std::int64_t most : {0, -1}) {
    expect_throws<InvalidArgument>([&] { split_line("a", most); }, {"max_characters", std::to_string(most)},
                                   "most");
  }
  expect_throws<FormatError>([] { split_line("ab\xFF", 9); }, {"byte 2"}, "not UTF-8");
}

}  // namespace
}  // namespace recur::test
