// Rows in levels (recur/forest.hpp), as engines read them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "recur/forest.hpp"

namespace recur::host::layers {

// A run of rows [begin, end).
struct RowRange {
  std::int64_t begin;
  std::int64_t end;
};

inline std::int64_t level_count(const Forest& forest) {
  return static_cast<std::int64_t>(forest.level_begin.size()) - 1;
}

inline RowRange rows_of_level(const Forest& forest, std::int64_t level) {
  const auto k = static_cast<std::size_t>(level);
  return {forest.level_begin[k], forest.level_begin[k + 1]};
}

// Calls f(row, first child, end of the children) for the rows [rows) of a level, in order. The children of a row lie
// beside each other, since parents do not descend within a level.
template <class F>
void each_with_children(const Forest& forest, std::int64_t level, RowRange rows, F&& f) {
  if (level + 1 == level_count(forest)) {
    for (std::int64_t row = rows.begin; row < rows.end; ++row) f(row, 0, 0);
    return;
  }
  const RowRange below = rows_of_level(forest, level + 1);
  const std::int32_t* const parents = forest.parents.data();
  const std::int32_t* child = std::lower_bound(parents + below.begin, parents + below.end, rows.begin);
  for (std::int64_t row = rows.begin; row < rows.end; ++row) {
    const std::int32_t* const first = child;
    while (child != parents + below.end && *child == row) ++child;
    f(row, first - parents, child - parents);
  }
}

}  // namespace recur::host::layers
