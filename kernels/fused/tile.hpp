// How the fused step kernels are cut up: what their source and the host's model of them share.
//
// Forward: a block owns 8 hidden units with all gates of a phase, and up to 32 rows of the batch. Its warps divide the depth
// of the product among them. The depth goes by chunks: 64 bytes of a row of R, of which each of the four lanes that
// share the row has 16. Such a lane reads the same 16 bytes of h, so both operands come straight from global memory
// by full vectors: a product does not mind in which order its terms are added.
#pragma once

#include <cstdint>

#include "recur/types.hpp"

namespace recur::fused {

// What the products of a kernel multiply. f32 is multiplied by the arithmetic units, the others by tensor cores.
enum class Operands : std::uint8_t { f32, tf32, bf16, f16 };

constexpr int kUnits = 8;      // of a block, and of a set of rows of weights
constexpr int kTileRows = 8;   // of the batch: N of an mma instruction
constexpr int kMostWarps = 8;  // of a block
// Rows beyond which products of a library, which reads R once for all of them, are the better way.
constexpr std::int64_t kMostRows = 64;

constexpr int chunk_depth(Operands operands) {
  return operands == Operands::f32 || operands == Operands::tf32 ? 16 : 32;
}

// Batch tiles of a block: as many as the rows need, up to the most that the sums of a thread allow.
constexpr int most_tiles(Operands operands) { return operands == Operands::f32 ? 2 : 4; }
constexpr int tiles_of(Operands operands, std::int64_t rows) {
  const std::int64_t tiles = (rows + kTileRows - 1) / kTileRows;
  if (tiles <= 1) return 1;
  return tiles <= 2 ? 2 : most_tiles(operands);
}

// A warp for each chunk, as far as there are warps. It does not depend on the batch, and so neither do bits.
constexpr int warps_of(Operands operands, std::int64_t depth) {
  const std::int64_t chunks = (depth + chunk_depth(operands) - 1) / chunk_depth(operands);
  return static_cast<int>(chunks < kMostWarps ? chunks : kMostWarps);
}

// Chunks of R that a warp of forward holds before it needs them. Backward has fewer rows of R to hold, and twice as many.
constexpr int chunks_ahead(Operands operands) { return operands == Operands::f32 ? 2 : 4; }

constexpr std::int64_t blocks_of(Operands operands, std::int64_t hidden, std::int64_t rows) {
  const std::int64_t rows_of_a_block = std::int64_t{kTileRows} * tiles_of(operands, rows);
  return (hidden + kUnits - 1) / kUnits * ((rows + rows_of_a_block - 1) / rows_of_a_block);
}

// Backward: a block owns 16 units, M of an mma instruction, and as many rows as in forward. The depth is that of all gates
// of a phase.
constexpr int kBackwardSets = 2;
constexpr int kBackwardUnits = kBackwardSets * kUnits;
constexpr int backward_chunks_ahead(Operands operands) { return 2 * chunks_ahead(operands); }

constexpr std::int64_t backward_blocks_of(Operands operands, std::int64_t hidden, std::int64_t rows) {
  const std::int64_t rows_of_a_block = std::int64_t{kTileRows} * tiles_of(operands, rows);
  return (hidden + kBackwardUnits - 1) / kBackwardUnits * ((rows + rows_of_a_block - 1) / rows_of_a_block);
}

}  // namespace recur::fused
