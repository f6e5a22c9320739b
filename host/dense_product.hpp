// Products of matrices with the CPU engine's kernel, for what surrounds a layer. `recur::tasks` calls it from
// its own library; it is exported for that alone and no header of the installation declares it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "recur/export.hpp"

namespace recur::host {

// C (rows x columns) = start + A (rows x depth) * B (depth x columns); strides are in elements. Sums begin
// with a row of `start`, the same for all rows, or with C itself, or with 0. Every element of C is then the
// sum, in order of k, of one chain for each block of 256 values of k, whatever the other arguments.
template <class E>
struct DenseProduct {
  const E* a;
  std::ptrdiff_t a_row;
  std::ptrdiff_t a_column;
  const E* b;
  std::ptrdiff_t b_row;
  std::ptrdiff_t b_column;
  E* c;
  std::ptrdiff_t c_row;
  std::int64_t rows;
  std::int64_t columns;
  std::int64_t depth;
  const E* start = nullptr;  // [columns]
  bool accumulate = false;   // without `start`: to what is in C
};

// Part `part` of `parts` of C, which other threads may compute at the same time. Together they give the same
// bits, however many parts there are. Allocates nothing; up to 160 KiB of stack.
RECUR_API void dense_product(const DenseProduct<float>& product, int part, int parts);
RECUR_API void dense_product(const DenseProduct<double>& product, int part, int parts);

}  // namespace recur::host
