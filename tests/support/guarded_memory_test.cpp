// Red zones see a byte written on either side, on live memory and on freed.
#include "support/guarded_memory.hpp"

#include <gtest/gtest.h>

#include "support/aligned.hpp"

namespace recur::test {
namespace {

TEST(GuardedMemory, SeesNothingWhereNothingIsWrong) {
  GuardedMemory guarded(host_memory());
  const UseMemory use(guarded);
  Aligned<float> tensor(7);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(tensor.data()) % 64, 0u);
  tensor.poison();
  EXPECT_EQ(guarded.damage(), "");
}

TEST(GuardedMemory, SeesAByteOnEitherSide) {
  for (const std::ptrdiff_t offset : {std::ptrdiff_t{-1}, std::ptrdiff_t{7}, std::ptrdiff_t{7 + 511}}) {
    GuardedMemory guarded(host_memory());
    const UseMemory use(guarded);
    Aligned<std::uint8_t> buffer(7);
    buffer.data()[offset] = 0;
    EXPECT_NE(guarded.damage(), "") << offset;
  }
}

TEST(GuardedMemory, SeesDamageOfWhatIsFreed) {
  GuardedMemory guarded(host_memory());
  const UseMemory use(guarded);
  {
    Aligned<std::uint8_t> buffer(7);
    buffer.data()[8] = 0;
  }
  EXPECT_NE(guarded.damage(), "");
}

}  // namespace
}  // namespace recur::test
