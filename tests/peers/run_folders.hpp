/// @file
/// What the programs of this folder have in common: each argument is a folder, one after the other.
#pragma once

#include <cstdio>
#include <exception>
#include <filesystem>

namespace recur::test {

/// The program's exit code: 1, and what was wrong on standard error, at the first folder that `run` throws
/// for.
template <class Run>
int run_folders(int argc, char** argv, Run&& run) {
  for (int i = 1; i < argc; ++i) {
    try {
      run(std::filesystem::path(argv[i]));
    } catch (const std::exception& error) {
      std::fprintf(stderr, "%s: %s\n", argv[i], error.what());
      return 1;
    }
  }
  return 0;
}

}  // namespace recur::test
