/// @file
/// What simt throws when a kernel does what CUDA leaves undefined, and where it happened.
#pragma once

#include <stdexcept>
#include <string>

namespace simt {

/// A place in a kernel's source. As a default argument it is the caller's.
struct Where {
  const char* file = "?";
  int line = 0;

  static constexpr Where here(const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
    return {file, line};
  }
};

enum class FaultKind {
  launch,         ///< a configuration that the device would refuse, or could not hold at once
  deadlock,       ///< threads wait for something that no thread will do
  livelock,       ///< threads spin on a flag that nobody will set
  divergence,     ///< threads meet in different barriers or warp operations, or exit before one
  misuse,         ///< a lane outside its mask, a misaligned copy, a barrier that was never initialised...
  out_of_range,   ///< an address that is not in the shared memory it is said to be in
  missing_fence,  ///< an asynchronous copy of bytes that no proxy fence published
  stream,         ///< a graph that was captured wrongly
};

const char* name_of(FaultKind kind);

/// The message names kernel, block and thread, and every place involved.
class Fault : public std::runtime_error {
 public:
  Fault(FaultKind kind, const std::string& message) : std::runtime_error(message), kind_(kind) {}
  FaultKind kind() const { return kind_; }

 private:
  FaultKind kind_;
};

}  // namespace simt
