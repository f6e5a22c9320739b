// The attribute of a kernel that all threads of a process share, over a runtime of the test: what one thread
// needs for its launch no other takes away.
#include "kernels/device/shared_limit.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace recur::device {
namespace {

TEST(SharedLimits, NoLaunchFindsLessThanItNeeds) {
  constexpr int kMost = 227;
  SharedLimits limits;
  std::atomic<int> attribute{48}, raised{0}, refused{0};
  const auto launch_often = [&](int need) {
    for (int i = 0; i < 2000; ++i) {
      limits.allow(&attribute, 0, [&] {
        ++raised;
        attribute = kMost;
        return true;
      });
      if (attribute < need) ++refused;
    }
  };
  std::thread other(launch_often, 60);
  launch_often(200);
  other.join();
  EXPECT_EQ(refused, 0);
  EXPECT_EQ(raised, 1);
}

TEST(SharedLimits, AreOfAKernelOnADevice) {
  SharedLimits limits;
  const int kernels[2] = {};
  int raised = 0;
  const auto raise = [&] { return ++raised != 0; };
  for (int again = 0; again < 2; ++again) {
    for (const int& kernel : kernels) {
      for (const int device : {0, 1}) EXPECT_TRUE(limits.allow(&kernel, device, raise));
    }
  }
  EXPECT_EQ(raised, 4);
}

TEST(SharedLimits, AreAskedForAgainAfterAFailure) {
  SharedLimits limits;
  const int kernel = 0;
  EXPECT_FALSE(limits.allow(&kernel, 0, [] { return false; }));
  EXPECT_TRUE(limits.allow(&kernel, 0, [] { return true; }));
  EXPECT_TRUE(limits.allow(&kernel, 0, [] { return false; })) << "asked again";
}

}  // namespace
}  // namespace recur::device
