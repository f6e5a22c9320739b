// prefer_huge_pages asks for the huge pages that lie wholly within memory, and for nothing else: what the
// system was asked for stands in /proc/self/smaps.
#include "recur/memory.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <fstream>
#include <memory>
#include <new>
#include <sstream>
#include <string>

namespace recur {
namespace {

constexpr std::size_t kPage = std::size_t{2} << 20;

struct Delete {
  void operator()(std::byte* memory) const { ::operator delete (memory, std::align_val_t{kPage}); }
};
std::unique_ptr<std::byte, Delete> allocate(std::size_t bytes) {
  return std::unique_ptr<std::byte, Delete>(
      static_cast<std::byte*>(::operator new (bytes, std::align_val_t{kPage})));
}

// Whether the mapping that holds an address is marked for huge pages.
bool is_marked(const std::byte* address) {
  std::ifstream maps("/proc/self/smaps");
  const auto at = reinterpret_cast<std::uintptr_t>(address);
  bool inside = false;
  for (std::string line; std::getline(maps, line);) {
    std::uintptr_t begin = 0, end = 0;
    char dash = 0;
    std::istringstream head(line);
    if (head >> std::hex >> begin >> dash >> end && dash == '-') inside = begin <= at && at < end;
    if (inside && line.starts_with("VmFlags:")) return line.find(" hg") != std::string::npos;
  }
  return false;
}

TEST(HugePages, AreAskedForWhereTheyLieWithin) {
  const auto memory = allocate(4 * kPage);
  if (!prefer_huge_pages({memory.get() + 1, 3 * kPage})) GTEST_SKIP() << "this system has no huge pages";
  EXPECT_FALSE(is_marked(memory.get())) << "a page of which one byte is somebody else's";
  EXPECT_TRUE(is_marked(memory.get() + kPage));
  EXPECT_TRUE(is_marked(memory.get() + 3 * kPage - 1));
  EXPECT_FALSE(is_marked(memory.get() + 3 * kPage)) << "a page of which one byte was given";
}

TEST(HugePages, NoneWithin) {
  const auto memory = allocate(2 * kPage);
  EXPECT_FALSE(prefer_huge_pages({}));
  EXPECT_FALSE(prefer_huge_pages({memory.get(), kPage - 1}));
  EXPECT_FALSE(prefer_huge_pages({memory.get() + 1, kPage}));
  EXPECT_FALSE(is_marked(memory.get()));
}

}  // namespace
}  // namespace recur
