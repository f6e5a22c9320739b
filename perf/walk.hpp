// The sizes of recur-perf --walk: small steps over B and H, to find where a smaller problem takes longer than
// a larger one.
#pragma once

namespace recur::perf::walk {

inline constexpr const char* kCells = "lstm,gru,gru-reset-before,rnn";

// Each of the first sixteen, since tiles have 1 to 8 rows and what is left of a batch is one of these. Then
// before, at and after multiples of 8, of 6 (24, 48) and of 16, and one between each two of them.
inline constexpr const char* kB =
    "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,20,23,24,25,28,31,32,33,40,47,48,49,56,63,64";

// Before, at and after whole vectors and panels of them: vectors have 4 to 16 elements of f32, 32 of bf16,
// panels 2 to 6 vectors. 96, 192 and 384 are multiples of 6 vectors of 16; powers of two lie at distances
// that caches like least. 16 to 512, between them some that are whole vectors and no whole panels.
inline constexpr const char* kH =
    "16,31,32,33,48,63,64,65,80,95,96,97,127,128,129,160,191,192,193,255,256,257,320,383,384,385,448,511,512";

// Enough steps that what a call does once is small, few enough that all of it takes minutes.
inline constexpr const char* kT = "8";

// For one figure. Minima count, which need no more: what is suspected afterwards is timed again.
inline constexpr double kSeconds = 4e-3;

}  // namespace recur::perf::walk
