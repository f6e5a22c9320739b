/// @file
/// Dictionary files: one `id TAB text` a line.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lac {

/// One line of a dictionary.
struct DictionaryEntry {
  std::int32_t id = 0;
  std::string text;
};

/// Parses a whole dictionary file, in file order. Lines end in LF, the last one may lack it; empty lines are
/// skipped. An id is a decimal number from 0 to 2^31 - 1 without sign; a text is not empty and holds neither
/// tab nor carriage return.
///
/// @throws FormatError naming line and byte offset for anything else, for text that is not UTF-8, and for an
///         id or a text that occurs twice.
std::vector<DictionaryEntry> parse_dictionary(std::string_view file);

}  // namespace lac
