// Rows of a sequence as the large products want them: at one distance from each other.
#pragma once

#include <algorithm>
#include <cstdint>

#include "host/cpu/blas.hpp"
#include "host/cpu/sequence.hpp"

namespace recur::host::cpu {

// A matrix whose row i begins at data + i * row.
template <class T>
struct Matrix {
  T* data;
  std::int64_t row;
};

// Whether rows of `columns` elements can be handed to a product as they lie.
template <class T>
bool can_read_in_place(const Rows<T>& rows, const RunSizes& sizes, std::int64_t columns) {
  const std::int64_t row = rows.row(sizes);
  return rows.uniform(sizes) && row >= columns && row <= kMaxBlasSize;
}

// Copies rows [first, last) of the (t, b) rows that begin at step t0 into `to`, densely.
template <class T>
void gather(const Rows<const T>& from, std::int64_t t0, std::int64_t batch, Range range, std::int64_t columns,
            T* to) {
  for (std::int64_t i = range.begin; i < range.end; ++i) {
    std::copy_n(from.at(t0 + i / batch, i % batch), columns, to + i * columns);
  }
}

}  // namespace recur::host::cpu
