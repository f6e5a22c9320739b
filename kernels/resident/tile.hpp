// How a cluster of blocks holds the recurrent weights of one direction of one layer and the state of some
// rows of the batch: sizes that host and kernel agree on.
//
// A block owns `units()` neighbouring hidden units with all their gates, and the whole of K for them. K is
// cut into blocks of 16 units, `groups` of them to each block of the cluster: block s of the cluster is the
// source of K-blocks [s * groups, (s + 1) * groups). A group of 16 units is the work of `splits` warps, each
// of which multiplies a run of the K-blocks; their partial sums meet in shared memory. A warp keeps as many
// fragments of R in registers as the tile says, the rest in shared memory. Rows of the batch go by eights, a
// batch tile: each is a recurrence of its own, with its own state and exchange.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/cells/unit.cuh"

namespace recur::resident {

inline constexpr int kBlockUnits = 16;          // units of a K-block and of a group: the M and K of an mma
inline constexpr int kTileRows = 8;             // rows of a batch tile: the N of an mma
inline constexpr int kFragmentBytes = 512;      // of R: 16 x 16 elements, 16 bytes a lane
inline constexpr int kStateBlockBytes = 256;    // of h: a K-block of a batch tile
inline constexpr int kMostClusterBlocks = 16;   // with the non-portable attribute
inline constexpr int kMostRegisterBlocks = 16;  // K-blocks that a warp's loop is unrolled over
inline constexpr int kMostBatchTiles = 32;      // of a cluster

// A compile-time shape of a block.
struct Tile {
  int groups;              // of 16 units
  int splits;              // warps of a group: 1, 2 or 4
  int register_fragments;  // of R, of a warp

  RECUR_HD constexpr int units() const { return groups * kBlockUnits; }
  RECUR_HD constexpr int warps() const { return groups * splits; }
  RECUR_HD constexpr int threads() const { return warps() * 32; }
  // Registers that a thread can have, with one block on a multiprocessor.
  RECUR_HD constexpr int register_limit() const {
    constexpr int kRegisters = 65536, kMost = 255;
    const int share = kRegisters / threads() / 8 * 8;  // given out by eights
    return share < kMost ? share : kMost;
  }
  // Units and rows of a batch tile whose gates a thread computes.
  RECUR_HD constexpr int values() const { return 4 / splits; }
  // K-blocks whose fragments a warp has in registers, for a cell of so many gates.
  RECUR_HD constexpr int register_blocks(int gates) const {
    const int blocks = register_fragments / gates;
    const int most = splits == 1 ? groups : kMostRegisterBlocks;  // not split, K is a block's own at best
    return blocks < most ? blocks : most;
  }
};

// The shapes that are compiled; host/resident/choice.cpp has when each is taken. A thread has 65536 / threads
// registers, at most 255, of which some 90 are for sums, inputs and addresses: the fragments fill the rest.
inline constexpr Tile kTiles[] = {
    {8, 1, 32},  // 128 units: small layers in one block or two; no partial sums to exchange
    {2, 4, 32},  // 32 units: one K-block in four to a warp, so that the chain of products is short
    {4, 2, 32},  // 64 units: as before on half the blocks, where few are left
    {3, 4, 21},  // 48 units: twelve warps, the most weights that 16 blocks can hold
    {2, 2, 32},  // 32 units: one warp to a quarter, so that none waits for another's turn
};
inline constexpr int kTileCount = sizeof(kTiles) / sizeof(kTiles[0]);

// What the blocks of a cluster keep in shared memory: offsets in bytes from its start.
struct SharedLayout {
  int state_blocks;      // K-blocks, those of padding included
  int warp_blocks;       // K-blocks of a warp
  int shared_blocks;     // those of them whose fragments lie in shared memory
  std::size_t input;     // [value][gate, and marks][thread] 4 bytes: W x of the next visit
  std::size_t weights;   // [warp][shared block][gate][lane] 16 bytes: fragments of R
  std::size_t state;     // [2][batch tile][K-block][2 x 8 units][row] 16 bytes: h, or what a phase exchanges
  std::size_t partial;   // [group][split][gate][16 units][8 rows] float
  std::size_t longest;   // [batch tile] int: the longest sequence
  std::size_t barriers;  // [2][batch tile][source] mbarrier
  std::size_t kept;  // [batch tile][value][c h length][thread] 4 bytes, where there are several batch tiles
  std::size_t bytes;

  RECUR_HD constexpr SharedLayout(const Tile& tile, int gates, int cluster, int batch_tiles)
      : state_blocks(cluster * tile.groups),
        warp_blocks((state_blocks + tile.splits - 1) / tile.splits),
        shared_blocks(warp_blocks > tile.register_blocks(gates) ? warp_blocks - tile.register_blocks(gates)
                                                                : 0),
        input(0),  // first, so that its place is known when the kernel is compiled
        weights(std::size_t(tile.values() * (gates + 1) * 4 * tile.threads())),
        state(weights + std::size_t(tile.warps()) * std::size_t(shared_blocks * gates * kFragmentBytes)),
        partial(state + std::size_t(2 * batch_tiles) * std::size_t(state_blocks * kStateBlockBytes)),
        longest(partial + (tile.splits > 1 ? std::size_t(tile.warps() * gates) * kFragmentBytes : 0)),
        barriers(longest + std::size_t((batch_tiles + 3) / 4 * 16)),
        kept(barriers + std::size_t(2 * batch_tiles * cluster) * sizeof(std::uint64_t)),
        bytes(kept +
              (batch_tiles > 1 ? std::size_t(batch_tiles * tile.values() * 3 * 4 * tile.threads()) : 0)) {}
};

}  // namespace recur::resident
