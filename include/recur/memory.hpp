/// @file
/// Advice about memory, which is always the caller's.
#pragma once

#include <cstddef>
#include <span>

#include "recur/export.hpp"

namespace recur {

/// Asks the system to back `memory` with huge pages. One sequence at a time reads all prepared weights at
/// every step: of weights beyond a core's own cache a processor reads up to a third more in a second when it
/// does not have to look up a small page every few lines (`docs/performance.md`). Call it after allocating
/// and before first writing, for memory that begins on a multiple of 2 MiB; a huge page that is not wholly
/// within `memory` stays as it is. Contents and behaviour do not change.
///
/// @return whether the system took the advice: false where there is no such page in `memory`, and on systems
/// other than Linux. Throws nothing.
RECUR_API bool prefer_huge_pages(std::span<std::byte> memory) noexcept;

}  // namespace recur
