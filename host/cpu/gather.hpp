// Rows of a sequence as the large products want them: at one distance from each other.
#pragma once

#include <algorithm>
#include <cstdint>

#include "host/cpu/rows.hpp"

namespace recur::host::cpu {

// A matrix whose row i begins at data + i * row.
template <class E>
struct Matrix {
  E* data;
  std::int64_t row;
};

// The distance of the rows of a tensor, t outermost, where a product can read rows of `columns` elements as they
// lie; else 0.
template <class E>
std::int64_t distance_in_place(const Rows<E>& rows, const RunSizes& sizes, std::int64_t columns) {
  const bool uniform = sizes.steps == 1 || sizes.batch == 1 || rows.step == sizes.batch * rows.batch;
  const std::int64_t distance = sizes.batch == 1 ? rows.step : rows.batch;
  return uniform && distance >= columns ? distance : 0;
}

// Copies those of the (t, b) rows [range) from step t0 on that `rows` lists into `to`, row i of the range to
// its row range.begin + i.
template <class E>
void gather(const Rows<const E>& from, std::int64_t t0, std::int64_t batch, Range range, const RowList& rows,
            std::int64_t columns, E* to) {
  for (std::int64_t i = 0; i < rows.count; ++i) {
    const std::int64_t row = range.begin + rows.at(i);
    std::copy_n(from.at(t0 + row / batch, row % batch), columns, to + row * columns);
  }
}

}  // namespace recur::host::cpu
