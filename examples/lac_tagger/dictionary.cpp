#include "dictionary.hpp"

#include <charconv>
#include <unordered_set>

#include "recur/error.hpp"
#include "utf8.hpp"

namespace lac {
namespace {

class Parser {
 public:
  explicit Parser(std::string_view file) : file_(file) {}

  std::vector<DictionaryEntry> run() {
    while (begin_ < file_.size()) {
      ++line_;
      const std::size_t end = std::min(file_.find('\n', begin_), file_.size());
      if (end > begin_) add(file_.substr(begin_, end - begin_));
      begin_ = end + 1;
    }
    return std::move(entries_);
  }

 private:
  [[noreturn]] void fail(const std::string& expected, const std::string& got) const {
    throw recur::FormatError("line " + std::to_string(line_) + " at byte " + std::to_string(begin_) +
                             ": expected " + expected + ", got " + got);
  }

  void add(std::string_view line) {
    const std::size_t tab = line.find('\t');
    if (tab == std::string_view::npos) fail("id TAB text", "no tab");
    const std::string_view text = line.substr(tab + 1);
    const std::int32_t id = parse_id(line.substr(0, tab));
    if (text.empty()) fail("id TAB text", "no text");
    if (text.find('\t') != std::string_view::npos) fail("one tab", "more");
    if (text.find('\r') != std::string_view::npos) fail("lines that end in LF", "a carriage return");
    check_utf8(text);
    if (!ids_.insert(id).second) fail("ids that occur once", std::to_string(id) + " again");
    if (!texts_.insert(text).second) fail("texts that occur once", std::string(text) + " again");
    entries_.push_back({id, std::string(text)});
  }

  std::int32_t parse_id(std::string_view digits) const {
    std::int32_t id = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), id);
    const bool is_whole = end == digits.data() + digits.size();
    if (error != std::errc() || !is_whole || digits.front() == '-') {
      fail("a decimal id from 0 to 2147483647", digits.empty() ? "none" : "something else");
    }
    return id;
  }

  void check_utf8(std::string_view text) const {
    try {
      utf8_decode(text);
    } catch (const recur::FormatError& error) {
      fail("UTF-8 text", error.what() + std::string(" of the text"));
    }
  }

  std::string_view file_;
  std::size_t begin_ = 0;  // of the current line
  std::int64_t line_ = 0;
  std::vector<DictionaryEntry> entries_;
  std::unordered_set<std::int32_t> ids_;
  std::unordered_set<std::string_view> texts_;
};

}  // namespace

std::vector<DictionaryEntry> parse_dictionary(std::string_view file) { return Parser(file).run(); }

}  // namespace lac
