/// @file
/// Advice about memory, which is always the caller's.
#pragma once

#include <cstddef>
#include <span>

#include "recur/export.hpp"

namespace recur {

/// Asks the system to back memory with huge pages. A single sequence reads all prepared weights at every
/// step. A processor reads weights beyond a core's own cache up to a third faster when it does not look up a
/// small page every few lines (`docs/performance.md`). Call this function after allocating and before first
/// writing. The contents of the memory do not change.
///
/// @param memory  the bytes; a huge page of 2 MiB that is not wholly within them stays as it is
/// @return whether the system took the advice: false where no huge page fits in `memory`, and on systems
///         other than Linux
RECUR_API bool prefer_huge_pages(std::span<std::byte> memory) noexcept;

}  // namespace recur
