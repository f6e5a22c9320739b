// The text side of lexical analysis: what a sentence is, and what its words are.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "lac.hpp"
#include "lac_model.hpp"
#include "utf8.hpp"

namespace lac {

// White space as Python's str.strip and str.isspace have it.
bool is_white_space(char32_t code);

// Drops white space at both ends.
std::span<const Utf8Character> strip(std::span<const Utf8Character> characters);

// Cuts a sentence into words: path[i] is the label of characters[i].
std::vector<TaggedWord> words_of(std::string_view sentence, std::span<const Utf8Character> characters,
                                 std::span<const std::int32_t> path, std::span<const LacLabel> labels);

}  // namespace lac
