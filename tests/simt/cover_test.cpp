// The launch that kernels over rows and columns share: all of them have a thread, and no block is mostly idle.
#include "kernels/gpu_pass/units.cuh"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <string>

namespace recur::gpu_pass {
namespace {

TEST(Cover, HasAThreadForEachAndFewMore) {
  for (const std::int64_t groups : {1, 8, 64, 100, 300, 5000}) {
    for (const std::int64_t rows : {1, 2, 3, 5, 100, 70000}) {
      const auto config = cover(groups, rows, nullptr);
      const std::int64_t wide = config.block.x, high = config.block.y;
      const std::string what = std::to_string(groups) + " groups, " + std::to_string(rows) + " rows";
      EXPECT_LE(wide * high, kThreads) << what;
      EXPECT_GE(wide * config.grid.x, groups) << what;
      // Blocks walk on where a grid cannot have so many.
      EXPECT_GE(high * config.grid.y, std::min<std::int64_t>(rows, 65535)) << what;
      EXPECT_LT(wide, 2 * groups) << what;
      EXPECT_LT(high, 2 * rows) << what;
    }
  }
}

}  // namespace
}  // namespace recur::gpu_pass
