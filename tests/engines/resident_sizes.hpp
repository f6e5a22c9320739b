/// @file
/// Sizes for the cluster-resident engine as its own model cuts them up (host/resident/choice.cpp): up to 128
/// units are one block's, of which others are told nothing; from 129 on clusters exchange. simt/resident has
/// every tile.
#pragma once

#include "engines/test_device.hpp"

namespace recur::test {

// I is as large as makes a few seeds enough for the judge of dx.
inline constexpr Size kResidentSizes[] = {
    {1, 12, 96, 31, "one step; part of a block's units and of a batch tile's rows"},
    {2, 9, 112, 129, "eight blocks, one unit in the fifth; one row in the second cluster"},
};

// In the last, three of eight blocks have no units.
inline constexpr Size kResidentOptionSizes[] = {
    {3, 3, 96, 31, "one block; episodes start and end inside"},
    {3, 3, 112, 129, "odd rows of R; episodes start and end inside"},
};

inline constexpr Size kResidentBitSizes[] = {
    {2, 9, 3, 31, "two clusters of one block"},
    {2, 9, 3, 136, "two clusters of eight blocks"},
};

// What emulation has no time for: real layers.
inline constexpr Size kResidentLargeSizes[] = {
    {7, 1, 64, 128, "one block, one sequence"},
    {20, 16, 96, 256, "speech"},
    {5, 64, 200, 320, "blocks without units"},
    {12, 33, 512, 512, "sixteen blocks, a batch tile of one row"},
    {30, 8, 128, 640, "blocks without units, fragments in shared memory"},
    {9, 17, 100, 768, "the most units of an lstm"},
    {500, 4, 8, 256, "drift over a long sequence"},
};

inline constexpr Size kResidentLargeOptionSizes[] = {
    {6, 5, 24, 200, "several blocks, some without units"},
    {7, 20, 16, 520, "sixteen blocks, several batch tiles"},
};

// Input products of 16-bit layers have at least 128 rows: 8 steps of 16 sequences.
inline constexpr Size kResidentChunkSizes[] = {
    {20, 16, 3, 136, "three chunks", 3},
};

inline constexpr Size kResidentLargeBitSizes[] = {
    {24, 64, 32, 512, "many clusters at once: where bytes that are counted too early would show"},
};

}  // namespace recur::test
