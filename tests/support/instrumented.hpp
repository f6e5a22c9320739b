/// @file
/// Whether this build is instrumented: with sanitizers, or with counters of lines.
#pragma once

namespace recur::test {

/// The subject of an instrumented build is what the code touches, in ten times the time. Tests that repeat what touches
/// nothing new do it less often there; the release build repeats it as often as the proof needs.
#ifdef RECUR_INSTRUMENTED
inline constexpr bool kInstrumented = true;
#else
inline constexpr bool kInstrumented = false;
#endif

}  // namespace recur::test
