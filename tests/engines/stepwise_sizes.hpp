/// @file
/// Where the tiles of the stepwise engine end (kernels/gpu_pass/units.cuh). A thread has a vector of 4 units
/// (2 of f64) where H and all rows allow, else single units; a block has 128 threads, as many along H as a
/// power of two needs and the others along B. Small enough for kernels that are emulated.
#pragma once

#include "engines/test_device.hpp"

namespace recur::test {

inline constexpr Size kStepwiseSizes[] = {
    {1, 1, 1, 1, "the least of everything"},
    {1, 3, 5, 7, "one step; odd rows, so single units; one thread of a row is idle"},
    {4, 1, 4, 16, "one sequence; whole vectors, and as many as threads of a row"},
    {3, 33, 5, 12, "one vector less than threads of a row; one row above a block's 32"},
    {2, 2, 8, 34, "whole vectors of f64 only"},
    {2, 5, 31, 129, "single units, one above the width of a block"},
};

inline constexpr Size kStepwiseOptionSizes[] = {
    {5, 3, 9, 40, "odd but for whole vectors of units; episodes start and end inside"},
    {4, 3, 9, 19, "single units"},
};

// Input products have at least 128 rows (host/gpu_pass/geometry.cpp), 8 steps of 16 sequences: two whole
// chunks and a short one, so that all three layers are at work at once.
inline constexpr Size kStepwiseChunkSizes[] = {
    {20, 16, 3, 24, "a wavefront of layers", 3},
};

inline constexpr Size kStepwiseBitSizes[] = {
    {5, 9, 3, 72, "several blocks"},
    {4, 3, 3, 19, "single units"},
};

}  // namespace recur::test
