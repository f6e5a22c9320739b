// Chunks of several slots, step by step in turn.
#pragma once

#include <algorithm>
#include <span>

#include "kernels/schedule/timeline.hpp"

namespace recur::host::stepwise {

// Calls f(chunk, i) for the i-th step of each chunk that has so many.
template <class Chunk, class F>
void in_turn(const schedule::Chunks& all, std::span<const Chunk> chunks, F&& f) {
  std::int64_t most = 0;
  for (const Chunk& chunk : chunks) most = std::max(most, all.size(chunk.index));
  for (std::int64_t i = 0; i < most; ++i) {
    for (const Chunk& chunk : chunks) {
      if (i < all.size(chunk.index)) f(chunk, i);
    }
  }
}

}  // namespace recur::host::stepwise
