/// @file
/// Tables of what the library decides, committed. A test that holds one against what is decided now writes it
/// anew where RECUR_UPDATE_TABLES is set; the change is to be understood before it is committed.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

namespace recur::test {

/// Lines in which the file (-) and what is decided now (+) differ; empty where they agree, or the file was
/// written anew.
inline std::string difference_from_table(const std::string& path, const std::vector<std::string>& actual) {
  if (std::getenv("RECUR_UPDATE_TABLES") != nullptr) {
    std::ofstream file(path);
    for (const std::string& line : actual) file << line << '\n';
    return file.flush().good() ? "" : "cannot write " + path;
  }
  std::ifstream file(path);
  if (!file.good()) return "cannot read " + path;
  std::vector<std::string> committed;
  for (std::string line; std::getline(file, line);) committed.push_back(line);
  std::string difference;
  for (std::size_t i = 0; i < std::max(committed.size(), actual.size()); ++i) {
    const bool both = i < committed.size() && i < actual.size();
    if (both && committed[i] == actual[i]) continue;
    if (i < committed.size()) difference += "-" + committed[i] + "\n";
    if (i < actual.size()) difference += "+" + actual[i] + "\n";
  }
  return difference.empty() ? "" : path + " (-) and what is decided now (+) differ:\n" + difference;
}

}  // namespace recur::test
