// Turns cuDNN's statuses into errors of ours.
#pragma once

#include <string>

#include "host/cudnn/library.hpp"
#include "recur/error.hpp"

namespace recur::host::cudnn {

// What cuDNN says of its last failure.
inline std::string describe(const Library& library, cudnnStatus_t status) {
  char detail[256] = {};
  library.GetLastErrorString(detail, sizeof(detail));
  std::string text = library.GetErrorString(status);
  if (detail[0] != '\0') text += std::string(": ") + detail;
  return text;
}

inline void check(const Library& library, cudnnStatus_t status, const char* function) {
  if (status == CUDNN_STATUS_SUCCESS) return;
  const std::string message = std::string(function) + ": " + describe(library, status);
  switch (status) {
    case CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED:
    case CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED: throw OutOfMemory(message);
    default: break;
  }
  // Categories of statuses are thousands (cudnn_graph.h).
  if (CUDNN_STATUS_CATEGORY(status) == CUDNN_STATUS_NOT_SUPPORTED) throw Unsupported(message);
  throw DeviceError(message);
}

}  // namespace recur::host::cudnn

// RECUR_CUDNN(library, Create, &handle): calls cudnnCreate(&handle) and throws what it reports.
#define RECUR_CUDNN(library, function, ...) \
  ::recur::host::cudnn::check((library), (library).function(__VA_ARGS__), "cudnn" #function)
