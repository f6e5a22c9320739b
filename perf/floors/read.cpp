#include "perf/floors/read.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "perf/floors/read.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace recur::perf {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// Eight sums, so that no load waits for an addition. Integers: a compiler may not skip or reorder them away,
// and no value is slow.
std::uint32_t read(const std::uint32_t* memory, std::size_t count, std::size_t times) {
  const hn::ScalableTag<std::uint32_t> d;
  const std::size_t width = hn::Lanes(d);
  auto s0 = hn::Zero(d), s1 = s0, s2 = s0, s3 = s0, s4 = s0, s5 = s0, s6 = s0, s7 = s0;
  for (std::size_t pass = 0; pass < times; ++pass) {
    for (std::size_t i = 0; i < count; i += 8 * width) {
      const std::uint32_t* from = memory + i;
      s0 = hn::Add(s0, hn::Load(d, from));
      s1 = hn::Add(s1, hn::Load(d, from + width));
      s2 = hn::Add(s2, hn::Load(d, from + 2 * width));
      s3 = hn::Add(s3, hn::Load(d, from + 3 * width));
      s4 = hn::Add(s4, hn::Load(d, from + 4 * width));
      s5 = hn::Add(s5, hn::Load(d, from + 5 * width));
      s6 = hn::Add(s6, hn::Load(d, from + 6 * width));
      s7 = hn::Add(s7, hn::Load(d, from + 7 * width));
    }
  }
  const auto sum =
      hn::Add(hn::Add(hn::Add(s0, s1), hn::Add(s2, s3)), hn::Add(hn::Add(s4, s5), hn::Add(s6, s7)));
  return hn::GetLane(hn::SumOfLanes(d, sum));
}

}  // namespace HWY_NAMESPACE
}  // namespace recur::perf
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace recur::perf {

HWY_EXPORT(read);

std::uint32_t read_memory(const void* memory, std::size_t bytes, std::size_t times) {
  return HWY_DYNAMIC_DISPATCH(read)(static_cast<const std::uint32_t*>(memory), bytes / sizeof(std::uint32_t),
                                    times);
}

}  // namespace recur::perf
#endif
