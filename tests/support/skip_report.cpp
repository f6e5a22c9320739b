// Says at the end of a run how many tests were skipped, by reason: what was not tested must not look like
// success.
#include <gtest/gtest.h>

#include <cstdio>
#include <map>
#include <string>

namespace recur::test {
namespace {

class SkipReport final : public ::testing::EmptyTestEventListener {
  void OnTestProgramEnd(const ::testing::UnitTest& program) override {
    std::map<std::string, int> skipped;
    for (int s = 0; s < program.total_test_suite_count(); ++s) {
      const ::testing::TestSuite& suite = *program.GetTestSuite(s);
      for (int t = 0; t < suite.total_test_count(); ++t) {
        const ::testing::TestResult& result = *suite.GetTestInfo(t)->result();
        for (int part = 0; result.Skipped() && part < result.total_part_count(); ++part) {
          if (result.GetTestPartResult(part).skipped()) ++skipped[result.GetTestPartResult(part).summary()];
        }
      }
    }
    for (const auto& [reason, count] : skipped) std::printf("[  SKIPPED ] %d: %s\n", count, reason.c_str());
    // What recur_add_device_test looks for: ctest then shows the run as skipped, and not as passed or failed.
    if (skipped.size() == 1 && program.skipped_test_count() == program.test_to_run_count()) {
      std::printf("every test was skipped: %s\n", skipped.begin()->first.c_str());
    }
    std::fflush(stdout);
  }
};

// GoogleTest owns its listeners.
[[maybe_unused]] const bool kAppended = [] {
  ::testing::UnitTest::GetInstance()->listeners().Append(new SkipReport);
  return true;
}();

}  // namespace
}  // namespace recur::test
