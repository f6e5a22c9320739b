#include "recur/memory.hpp"

#include <cstdint>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace recur {

bool prefer_huge_pages([[maybe_unused]] std::span<std::byte> memory) noexcept {
#if defined(__linux__) && defined(MADV_HUGEPAGE)
  constexpr std::uintptr_t kPage = std::uintptr_t{2} << 20;  // of x86-64, and of AArch64 with pages of 4 KiB
  const auto begin = reinterpret_cast<std::uintptr_t>(memory.data());
  const std::uintptr_t first = (begin + kPage - 1) / kPage * kPage;
  const std::uintptr_t last = (begin + memory.size()) / kPage * kPage;
  if (first >= last) return false;
  return madvise(memory.data() + (first - begin), last - first, MADV_HUGEPAGE) == 0;
#else
  return false;
#endif
}

}  // namespace recur
