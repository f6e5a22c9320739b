// How the tool ends.
#pragma once

#include <stdexcept>
#include <string>

namespace lac {

enum class Exit : int {
  success = 0,
  other = 1,   // out of memory and the like
  usage = 2,   // a wrong option
  model = 3,   // the model is missing or damaged
  input = 4,   // the text cannot be read or is not UTF-8
  output = 5,  // the result cannot be written
  check = 6,   // --check found results that are wrong
};

// Ends the tool with one line on standard error.
class Failure : public std::runtime_error {
 public:
  Failure(Exit code, const std::string& message) : std::runtime_error(message), code_(code) {}
  Exit code() const { return code_; }

 private:
  Exit code_;
};

}  // namespace lac
