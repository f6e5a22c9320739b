// Stands for recur_gpu_tests where there is no GPU: tests that end as the variable PLANTED says, in
// GoogleTest's own words. check_run sees whether scripts/gpu_check/run understands them.
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <string_view>
#include <thread>

namespace {

std::string_view planted() {
  const char* const value = std::getenv("PLANTED");
  return value == nullptr ? "" : value;
}

// A suite that also runs under compute-sanitizer; more tests than processes to run them.
class TwoStreams : public ::testing::TestWithParam<int> {
 protected:
  void SetUp() override {
    if (planted() == "absent") GTEST_SKIP() << "no CUDA device";
  }
};

TEST_P(TwoStreams, DoNotDisturbEachOther) {
  if (GetParam() != 3) return;
  EXPECT_NE(planted(), "wrong");
  if (planted() == "crash") std::abort();
  if (planted() == "hang") {
    static_cast<void>(std::signal(SIGTERM, SIG_IGN));  // as a process that waits for its kernels
    std::this_thread::sleep_for(std::chrono::hours(1));
  }
  if (planted() == "flood") {
    for (int line = 0; line < 400000; ++line)
      std::puts("a line of a hundred characters; a line of a hundred characters");
    std::ofstream("litter") << "a file where it was run";
  }
}

INSTANTIATE_TEST_SUITE_P(Devices, TwoStreams, ::testing::Range(0, 64));

}  // namespace
