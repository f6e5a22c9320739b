// How arrays are laid out in a buffer: a size that is counted is the size that is used.
#include "host/carver.hpp"

#include <gtest/gtest.h>

#include "recur/error.hpp"

namespace recur::test {
namespace {

using host::Carver;

constexpr std::int64_t kBytes = 4096;

// Places of a few arrays of every kind, as offsets from the buffer's base.
struct Places {
  std::ptrdiff_t at[5];
  std::size_t bytes;

  Places(std::byte* base, std::int64_t alignment) {
    Carver carver(base, alignment);
    const auto from_base = [&](const void* array) { return static_cast<const std::byte*>(array) - base; };
    at[0] = from_base(carver.take_bytes(1));
    at[1] = from_base(carver.take<double>(9));
    at[2] = from_base(carver.take<std::int32_t>({3, 7}));
    at[3] = from_base(carver.take(DataType::bf16, {5, 13}));
    at[4] = from_base(carver.take<double>(1));
    bytes = carver.bytes();
  }
};

TEST(Carver, ArraysLieBehindEachOtherAtTheAlignment) {
  alignas(64) static std::byte buffer[kBytes];
  const Places places(buffer, 64);
  const std::ptrdiff_t expected[] = {0, 64, 64 + 128, 64 + 128 + 128, 64 + 128 + 128 + 192};
  for (int i = 0; i < 5; ++i) EXPECT_EQ(places.at[i], expected[i]) << i;
  EXPECT_EQ(places.bytes, 64u + 128 + 128 + 192 + 64);
}

// A size is counted before there is a base, which may lie at any multiple of 64.
TEST(Carver, WiderAlignmentHasRoomWhereverTheBaseLies) {
  Carver counted(nullptr, 256);
  EXPECT_EQ(counted.bytes(), 0u);
  EXPECT_EQ(counted.take_bytes(1), nullptr);
  EXPECT_EQ(counted.take(DataType::f32, {65}), nullptr);
  EXPECT_EQ(counted.bytes(), 256u + 512 + 256 - 64);

  alignas(256) static std::byte buffer[kBytes];
  for (std::ptrdiff_t offset = 0; offset < 256; offset += 64) {
    Carver carver(buffer + offset, 256);
    carver.take_bytes(1);
    std::byte* const last = carver.take_bytes(260);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(last) % 256, 0u) << offset;
    EXPECT_LE(last + 260, buffer + offset + counted.bytes()) << offset;
  }
}

TEST(Carver, SizesBeyond64BitsAreRefused) {
  constexpr std::int64_t kHuge = std::int64_t{1} << 62;
  Carver carver;
  EXPECT_THROW(carver.take<double>(kHuge), InvalidArgument);
  EXPECT_THROW(carver.take<float>({kHuge, 2}), InvalidArgument);
  EXPECT_THROW(carver.take(DataType::f64, {kHuge}), InvalidArgument);
  carver.take_bytes(kHuge);
  EXPECT_THROW(carver.take_bytes(kHuge), InvalidArgument);
}

}  // namespace
}  // namespace recur::test
