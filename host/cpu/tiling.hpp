// How the CPU engine cuts a job up: panels of hidden units for registers and caches, groups of threads,
// chunks of time. A pure function of the job and the instruction set; `tiling.cpp` has the constants and
// their evidence.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>

#include "host/engine.hpp"

namespace recur::host::cpu {

// Rows that a panel of R is applied to before the next panel is fetched, and the sums they leave for the
// cell. Large enough to fill register tiles of every height (2, 3, 4, 6 and 8 rows), small enough to stay in
// L1.
constexpr std::int64_t kTileRows = 24;

// Rows of dx that are formed at a time: their gradients of sums stay in a private L2 while the panels of W go
// by.
constexpr std::int64_t kInputGradientRows = 96;

// Vectors of the panels that `columns` columns are cut into, all gates of a panel of which lie side by side,
// by a thread that shares them with `groups` - 1 others.
int choose_panel_vectors(std::int64_t columns, int lanes, int gates, int max_panel_vectors, int groups);

struct Tiling {
  // Units. A panel is the columns of R that one register tile produces: all gates of `panel_units` hidden
  // units.
  int lanes;
  int max_panel_vectors;
  int panel_vectors;         // vectors of hidden units per panel
  std::int64_t panel_units;  // panel_vectors * lanes
  std::int64_t panels;       // ceil(H / panel_units)

  // The same for the products of `backward`, whose columns are the units of h_{t-1}.
  std::int64_t back_units;
  std::int64_t back_panels;

  // Width of the panels of W.
  std::int64_t input_width;

  // Threads: direction x batch x unit groups. Direction groups never wait for each other within a layer,
  // batch groups only between chunks of time, unit groups at every step.
  int direction_groups;
  int batch_groups;
  int unit_groups;

  std::int64_t chunk_rows;     // (t, b) rows of the input product held at a time; at least the largest B
  std::int64_t gradient_rows;  // (t, b) rows whose terms of the gradients of weights are summed at a time

  int threads() const { return direction_groups * batch_groups * unit_groups; }
  std::int64_t chunk_steps(std::int64_t batch) const { return std::max<std::int64_t>(1, chunk_rows / batch); }
  // Width of the panels of a product with so many columns.
  std::int64_t width_for(std::int64_t columns) const {
    return static_cast<std::int64_t>(choose_panel_vectors(columns, lanes, 1, max_panel_vectors, 1)) * lanes;
  }
  std::string describe() const;
};

// `lanes` and `max_panel_vectors` are those of the kernels.
Tiling choose_tiling(const Job& job, int lanes, int max_panel_vectors);

// Elements between consecutive rows of states and of packed rows: whole panels.
inline std::int64_t round_up(std::int64_t value, std::int64_t unit) {
  return (value + unit - 1) / unit * unit;
}

// The range [begin, end) of part `index` when `count` things are dealt to `parts`, sizes differing by at
// most 1.
struct Range {
  std::int64_t begin;
  std::int64_t end;
  std::int64_t size() const { return end - begin; }
};
inline Range part_of(std::int64_t count, std::int64_t parts, std::int64_t index) {
  return {count * index / parts, count * (index + 1) / parts};
}

}  // namespace recur::host::cpu
