#include "perf/axes.hpp"

#include <charconv>

#include "recur/error.hpp"

namespace recur::perf {
namespace {

std::int64_t parse_size(const std::string& text) {
  constexpr std::int64_t kMost = 0x7fffffff;
  std::int64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stopped != end || value < 1 || value > kMost) {
    throw InvalidArgument("expected a number from 1 to 2147483647, got '" + text + "'");
  }
  return value;
}

}  // namespace

std::vector<std::string> parse_list(const std::string& text) {
  std::vector<std::string> parts;
  for (std::size_t start = 0; start <= text.size();) {
    const std::size_t comma = std::min(text.find(',', start), text.size());
    parts.push_back(text.substr(start, comma - start));
    if (parts.back().empty()) throw InvalidArgument("expected a list like a,b,c, got '" + text + "'");
    start = comma + 1;
  }
  return parts;
}

std::vector<std::int64_t> parse_sizes(const std::string& text) {
  std::vector<std::int64_t> sizes;
  for (const std::string& part : parse_list(text)) {
    const std::size_t dots = part.find("..");
    if (dots == std::string::npos) {
      sizes.push_back(parse_size(part));
      continue;
    }
    const std::int64_t first = parse_size(part.substr(0, dots));
    const std::int64_t last = parse_size(part.substr(dots + 2));
    if (last < first) throw InvalidArgument("expected a range that ascends, got '" + part + "'");
    for (std::int64_t size = first; size <= last; size *= 2) sizes.push_back(size);
  }
  return sizes;
}

}  // namespace recur::perf
