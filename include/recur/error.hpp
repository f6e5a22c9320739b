/// @file
/// Typed errors. A message names the tensor or field, what was expected (shape letters and values) and what
/// came. A call checks all that the host can see before it writes anything.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>

#include "recur/export.hpp"

namespace recur {

/// One code per exception type; the C interface returns the same numbers. Zero is reserved for success.
enum class ErrorCode : std::int32_t {
  invalid_argument = 1,  ///< the caller passed something that can never work
  unsupported = 2,       ///< the request is valid, but no engine, or not the named one, can do it
  out_of_memory = 3,     ///< an allocation of the library's failed
  format_error = 4,      ///< a file or byte stream is not what it claims to be
  device_error = 5,      ///< a device or a vendor library reported a failure
};

/// The base of everything that the library throws.
class RECUR_API Error : public std::runtime_error {
 public:
  Error(ErrorCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
  ErrorCode code() const noexcept { return code_; }

 private:
  ErrorCode code_;
};

/// A shape, dtype, pointer, overlap or size that can never work.
class RECUR_API InvalidArgument : public Error {
 public:
  explicit InvalidArgument(const std::string& message) : Error(ErrorCode::invalid_argument, message) {}
};

/// A valid request that the named engine, or every engine, refuses; the message has the reasons.
class RECUR_API Unsupported : public Error {
 public:
  explicit Unsupported(const std::string& message) : Error(ErrorCode::unsupported, message) {}
};

/// An allocation of the library's failed; `forward` and `backward` make none.
class RECUR_API OutOfMemory : public Error {
 public:
  explicit OutOfMemory(const std::string& message) : Error(ErrorCode::out_of_memory, message) {}
};

/// A model file, dictionary or text is truncated, corrupted or of another format.
class RECUR_API FormatError : public Error {
 public:
  explicit FormatError(const std::string& message) : Error(ErrorCode::format_error, message) {}
};

/// A CUDA, cuBLAS or cuDNN call failed; the message names call, file and line.
class RECUR_API DeviceError : public Error {
 public:
  explicit DeviceError(const std::string& message) : Error(ErrorCode::device_error, message) {}
};

}  // namespace recur
