#include "input.hpp"

#include <unistd.h>

#include <filesystem>
#include <iostream>

#include "failure.hpp"

namespace lac {
namespace {

constexpr std::size_t kMostBytes = std::size_t{128} << 10;
constexpr const char* kByteOrderMark = "\xEF\xBB\xBF";

}  // namespace

Input::Input(const std::string& path) : name_(path), stream_(&file_) {
  if (path == "-") {
    name_ = "standard input";
    stream_ = &std::cin;
    is_terminal_ = isatty(STDIN_FILENO) == 1;
    return;
  }
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) throw Failure(Exit::input, path + ": is a directory");
  file_.open(path, std::ios::binary);
  if (!file_) throw Failure(Exit::input, path + ": cannot be opened");
  if (std::filesystem::is_regular_file(path, error)) size_ = std::filesystem::file_size(path, error);
}

bool Input::read(std::vector<std::string>& lines, std::size_t most) {
  lines.clear();
  std::size_t bytes = 0;
  std::string line;
  while (lines.size() < most && bytes < kMostBytes && std::getline(*stream_, line)) {
    const bool is_first = bytes_read_ == 0;
    bytes += line.size() + 1;
    bytes_read_ += line.size() + 1;
    if (is_first && line.starts_with(kByteOrderMark)) line.erase(0, 3);
    lines.push_back(std::move(line));
  }
  if (stream_->bad()) throw Failure(Exit::input, name_ + ": cannot be read");
  return !lines.empty();
}

}  // namespace lac
