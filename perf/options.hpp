// The command line of recur-perf.
#pragma once

#include <optional>
#include <string>

#include "perf/suite.hpp"

namespace recur::perf {

struct Options {
  DeviceKind device = DeviceKind::cpu;
  int ordinal = 0;
  Request request;                   // without contenders
  std::vector<std::string> engines;  // empty: all
  std::string json;                  // path; empty: none
  bool list_engines = false;
  bool list_shapes = false;
  bool quiet = false;
};

// Empty where --help or --version said all; `code` is what the program then ends with. Throws InvalidArgument
// for what cannot be.
std::optional<Options> parse_options(int argc, const char* const* argv, int& code);

}  // namespace recur::perf
