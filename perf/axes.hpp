// Axes of the command line: lists of values that are combined.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace recur::perf {

// "1,16,64" as its parts. Throws InvalidArgument for an empty one.
std::vector<std::string> parse_list(const std::string& text);

// Sizes: "1,16,64", and "128..2048" for 128, 256, ... doubling up to the last. Throws InvalidArgument for
// what is no number from 1 to 2^31 - 1, and for a range that does not ascend.
std::vector<std::int64_t> parse_sizes(const std::string& text);

}  // namespace recur::perf
