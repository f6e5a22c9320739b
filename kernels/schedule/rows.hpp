// Where the rows of a tensor over time and batch lie, for host and device.
#pragma once

#include <cstdint>

#include "kernels/cells/unit.cuh"

namespace recur::schedule {

// Rows (t, b) of a tensor: data + t * step + b * batch, in elements. Null data where the tensor is not given.
template <class Pointer>
struct BasicRows {
  Pointer data = nullptr;
  std::int64_t step = 0;
  std::int64_t batch = 0;

  RECUR_HD explicit operator bool() const { return data != nullptr; }

  // Of elements whose type is known.
  Pointer at(std::int64_t t, std::int64_t b) const { return data + t * step + b * batch; }
};

}  // namespace recur::schedule
