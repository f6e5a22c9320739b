// Lines of text from a file or from standard input.
#pragma once

#include <cstdint>
#include <fstream>
#include <string>
#include <vector>

namespace lac {

class Input {
 public:
  // "-" is standard input. Throws Failure for a file that cannot be read.
  explicit Input(const std::string& path);

  // Reads the next lines, without their ends, until there are `most` of them or 128 KiB of text. False at the
  // end.
  bool read(std::vector<std::string>& lines, std::size_t most);

  const std::string& name() const { return name_; }
  std::uintmax_t size() const { return size_; }  // bytes, 0 where it is not known
  std::uintmax_t bytes_read() const { return bytes_read_; }
  bool is_terminal() const { return is_terminal_; }

 private:
  std::string name_;
  std::ifstream file_;
  std::istream* stream_;
  std::uintmax_t size_ = 0;
  std::uintmax_t bytes_read_ = 0;
  bool is_terminal_ = false;
};

}  // namespace lac
