// Every cell at sizes with a reason (test_devices() has them), in every type and instruction set that the
// device has.
#include "engines/device_test.hpp"
#include "engines/judge.hpp"

namespace recur::test {
namespace {

class Sizes : public DeviceTest {};

TEST_P(Sizes, AreRight) {
  std::vector<RunOptions> runs;
  for (const std::string& simd : device().simd(GetParam().type))
    runs.push_back({.device = &device(), .simd = simd});
  for (const Size& size : device().sizes) {
    // The judge of f64 computes in software.
    constexpr Index kMostWorkInF64 = 6000;
    if (GetParam().type == DataType::f64 && size.T * size.B * size.H * (size.H + size.I) > kMostWorkInF64)
      continue;
    if (!takes(sized(size))) continue;
    // What 16 bits can hold of sums over a state that grows.
    constexpr Index kMostGrowth = 100;
    if (has_growing_state(sized(size)) && has_one_signed_sums(sized(size)) && size.T > kMostGrowth) continue;
    SCOPED_TRACE(text_of(size));
    typed([&]<class T>() { judge_all<T>(sized(size), size.T, size.B, runs); });
  }
}

INSTANTIATE_TEST_SUITE_P(Devices, Sizes, ::testing::ValuesIn(cases(&TestDevice::types)), case_name);

}  // namespace
}  // namespace recur::test
