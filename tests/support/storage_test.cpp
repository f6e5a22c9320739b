// The 16-bit storage types of tests: every value there and back, and one rounding to the nearest.
#include "support/storage.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "support/random.hpp"

namespace recur::test {
namespace {

template <class T>
class Storage : public ::testing::Test {
 protected:
  // All 2^16 values.
  static std::vector<T> all() {
    std::vector<T> values;
    for (std::uint32_t bits = 0; bits <= 0xffffu; ++bits) {
      values.push_back(T::from_bits(static_cast<std::uint16_t>(bits)));
    }
    return values;
  }
};
using SixteenBits = ::testing::Types<Bf16, F16>;
class Names {
 public:
  template <class T>
  static std::string GetName(int /*unused*/) {
    return storage_type<T> == DataType::bf16 ? "Bf16" : "F16";
  }
};
TYPED_TEST_SUITE(Storage, SixteenBits, Names);

TYPED_TEST(Storage, EveryValueComesBack) {
  for (TypeParam value : this->all()) {
    const float wide = value;
    if (std::isnan(wide)) {
      EXPECT_TRUE(std::isnan(static_cast<float>(TypeParam(wide))));
      continue;
    }
    ASSERT_EQ(TypeParam(wide).bits(), value.bits()) << wide;
    ASSERT_EQ(TypeParam(static_cast<double>(wide)).bits(), value.bits()) << wide;
    ASSERT_EQ(typename StorageOf<TypeParam>::Round{}(wide), wide);
  }
}

// Between two neighbours: the middle goes to the even one, a double's last bit beside it decides.
TYPED_TEST(Storage, RoundsOnceToTheNearest) {
  const float largest = std::numeric_limits<float>::infinity();
  for (std::uint32_t bits = 0; bits < 0x7fffu; ++bits) {
    const TypeParam low = TypeParam::from_bits(static_cast<std::uint16_t>(bits));
    const TypeParam high = TypeParam::from_bits(static_cast<std::uint16_t>(bits + 1));
    if (!(static_cast<float>(high) < largest)) break;
    const double middle = (static_cast<double>(low) + static_cast<double>(high)) / 2;
    ASSERT_EQ(TypeParam(middle).bits(), (bits & 1u) == 0 ? low.bits() : high.bits()) << middle;
    ASSERT_EQ(TypeParam(std::nextafter(middle, 0.0)).bits(), low.bits()) << middle;
    ASSERT_EQ(TypeParam(std::nextafter(middle, 1e300)).bits(), high.bits()) << middle;
    ASSERT_EQ(TypeParam(-middle).bits(), 0x8000u | TypeParam(middle).bits()) << middle;
  }
}

TYPED_TEST(Storage, Extremes) {
  EXPECT_EQ(static_cast<float>(TypeParam(1e300)), std::numeric_limits<float>::infinity());
  EXPECT_EQ(static_cast<float>(TypeParam(-1e300)), -std::numeric_limits<float>::infinity());
  EXPECT_EQ(TypeParam(-0.0).bits(), 0x8000u);
  EXPECT_EQ(TypeParam(1e-300).bits(), 0u);
  EXPECT_TRUE(std::isnan(static_cast<float>(TypeParam(std::nan("")))));
  // All ones is the poison of support/aligned.hpp.
  EXPECT_TRUE(std::isnan(static_cast<float>(TypeParam::from_bits(0xffffu))));
}

TYPED_TEST(Storage, AgreesWithTheNaiveRunsPolicy) {
  Random random(1);
  const typename StorageOf<TypeParam>::Round round;
  for (int k = 0; k < 100000; ++k) {
    const auto value = static_cast<float>(random.symmetric(std::exp2(static_cast<double>(k % 40 - 28))));
    ASSERT_EQ(static_cast<float>(TypeParam(value)), round(value));
  }
}

TEST(KnownBits, OfBf16AndF16) {
  EXPECT_EQ(Bf16(1.0f).bits(), 0x3f80u);
  EXPECT_EQ(Bf16(-2.5).bits(), 0xc020u);
  EXPECT_EQ(F16(1.0f).bits(), 0x3c00u);
  EXPECT_EQ(F16(-2.5).bits(), 0xc100u);
  EXPECT_EQ(F16(65504).bits(), 0x7bffu);
  EXPECT_EQ(F16(0x1p-24).bits(), 0x0001u);
  EXPECT_EQ(F16(0x1p-14).bits(), 0x0400u);
}

}  // namespace
}  // namespace recur::test
