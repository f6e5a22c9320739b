/// @file
/// Where the fused step kernel's cuts end (kernels/fused/tile.hpp). A block has 8 units and 8, 16 or 32 rows (f32: 16
/// at most); a chunk of the depth is 16 units of f32 and 32 of 16-bit types, and up to 8 warps have one each, or
/// several. Rows of R and h that are no multiple of 16 bytes go by single elements.
#pragma once

#include "engines/test_device.hpp"

namespace recur::test {

inline constexpr Size kFusedSizes[] = {
    {1, 3, 16, 7, "one step; a block of fewer units than it has; single elements"},
    {3, 9, 24, 40, "two batch tiles, one row in the second; a part of a chunk"},
    {2, 19, 24, 24, "three batch tiles, of four or in two blocks"},
};

// One warp and a part of a chunk, since emulation takes long for more; kFusedSizes and simt/fused have more.
inline constexpr Size kFusedOptionSizes[] = {
    {3, 3, 16, 12, "vectors; a block of fewer units than it has; episodes start and end inside"},
    {4, 3, 9, 19, "single elements"},
};

inline constexpr Size kFusedBitSizes[] = {
    {2, 9, 3, 72, "several warps and blocks"},
};

// Input products have at least 128 rows, 7 steps of 17 sequences. An odd number of steps then lies
// before the second chunk, which finds h in the other buffer.
inline constexpr Size kFusedChunkSizes[] = {
    {11, 17, 16, 16, "two chunks"},
};

// What emulation has no time for: real layers.
inline constexpr Size kFusedLargeSizes[] = {
    {20, 16, 96, 256, "speech"},
    {12, 33, 128, 512, "two blocks of rows"},
    {7, 1, 64, 1024, "one sequence, every chunk of R held"},
    {5, 64, 100, 1040, "the most rows, and a chunk more for some warps"},
    {500, 4, 8, 128, "drift over a long sequence"},
};

}  // namespace recur::test
