#include "lac_text.hpp"

#include <algorithm>
#include <string>

#include "recur/error.hpp"

namespace lac {
namespace {

bool is_one_of(std::u32string_view set, char32_t code) { return set.find(code) != set.npos; }

bool ends_sentence(char32_t code) { return is_one_of(U"。！？；…!?;", code); }

// What may follow the end of a sentence and still belongs to it.
bool closes(char32_t code) { return is_one_of(U"”’」』）》〉】］\")]>", code); }

bool ends_clause(char32_t code) { return is_one_of(U"，、：,:", code) || is_white_space(code); }

// Length of the longest piece of at most `most` characters, 1 <= most < characters.size().
std::size_t piece_length(std::span<const Utf8Character> characters, std::size_t most) {
  for (std::size_t n = most; n > 0; --n) {
    std::size_t end = n;
    while (end > 1 && closes(characters[end - 1].code)) --end;
    if (!ends_sentence(characters[end - 1].code)) continue;
    // A run of such marks, like "?!" or "……", is not torn apart here.
    const char32_t next = characters[n].code;
    if (ends_sentence(next) || closes(next)) continue;
    return n;
  }
  for (std::size_t n = most; n > 0; --n) {
    if (ends_clause(characters[n - 1].code)) return n;
  }
  return most;
}

}  // namespace

bool is_white_space(char32_t code) {
  return (code >= 0x09 && code <= 0x0D) || (code >= 0x1C && code <= 0x20) || code == 0x85 || code == 0xA0 ||
         code == 0x1680 || (code >= 0x2000 && code <= 0x200A) || code == 0x2028 || code == 0x2029 ||
         code == 0x202F || code == 0x205F || code == 0x3000;
}

std::span<const Utf8Character> strip(std::span<const Utf8Character> characters) {
  while (!characters.empty() && is_white_space(characters.front().code)) characters = characters.subspan(1);
  while (!characters.empty() && is_white_space(characters.back().code)) {
    characters = characters.first(characters.size() - 1);
  }
  return characters;
}

std::vector<TaggedWord> words_of(std::string_view sentence, std::span<const Utf8Character> characters,
                                 std::span<const std::int32_t> path, std::span<const LacLabel> labels) {
  const auto label_at = [&](std::size_t i) -> const LacLabel& {
    return labels[static_cast<std::size_t>(path[i])];
  };
  const auto starts_word = [&](std::size_t i) {
    if (i == 0 || label_at(i).begins) return true;
    return label_at(i).outside && !label_at(i - 1).outside;
  };
  std::vector<TaggedWord> words;
  for (std::size_t i = 0; i < characters.size();) {
    std::size_t end = i + 1;
    while (end < characters.size() && !starts_word(end)) ++end;
    const std::size_t from = characters[i].offset;
    const std::size_t to = characters[end - 1].offset + characters[end - 1].bytes;
    words.push_back({sentence.substr(from, to - from), label_at(i).tag});
    i = end;
  }
  return words;
}

std::vector<std::string_view> split_line(std::string_view line, std::int64_t max_characters) {
  if (max_characters < 1) {
    throw recur::InvalidArgument("max_characters: expected at least 1, got " +
                                 std::to_string(max_characters));
  }
  const std::vector<Utf8Character> characters = utf8_decode(line);
  const auto most = static_cast<std::size_t>(max_characters);
  std::vector<std::string_view> pieces;
  std::span<const Utf8Character> rest(characters);
  while (rest.size() > most) {
    const std::size_t length = piece_length(rest, most);
    const std::size_t from = rest.front().offset;
    pieces.push_back(line.substr(from, rest[length].offset - from));
    rest = rest.subspan(length);
  }
  pieces.push_back(rest.empty() ? line : line.substr(rest.front().offset));
  return pieces;
}

}  // namespace lac
