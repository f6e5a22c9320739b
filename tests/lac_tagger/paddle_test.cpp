#include "examples/lac_tagger/paddle.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <memory>

#include "paddle_file.hpp"
#include "tasks/tensor.hpp"

namespace recur::test {
namespace {

using lac::copy_values;
using lac::PaddleParameter;
using lac::parse_paddle_parameter;

constexpr std::size_t kHeader = 20;  // version, LoD count, tensor version, size of the description

// Parses from memory of exactly the right size, so that AddressSanitizer sees a byte read too many.
void parse_exactly(const std::string& file) {
  const auto copy = std::make_unique<std::byte[]>(file.size());
  if (!file.empty()) std::memcpy(copy.get(), file.data(), file.size());
  const PaddleParameter parameter = parse_paddle_parameter({copy.get(), file.size()});
  std::vector<float> values(static_cast<std::size_t>(parameter.count));
  copy_values(parameter, values);
}

void expect_refused(const std::string& file, std::initializer_list<std::string> parts,
                    const std::string& label) {
  expect_throws<FormatError>([&] { parse_exactly(file); }, parts, label);
}

TEST(Paddle, ReadsDimensionsAndValues) {
  // 300 needs two bytes as a varint.
  for (const std::vector<std::int64_t>& dims :
       {std::vector<std::int64_t>{1}, {300}, {2, 3}, {1, 1, 2, 1, 1, 1, 1, 1, 3}}) {
    for (const bool packed : {false, true}) {
      const std::string file = PaddleFile::make(dims, packed);
      const PaddleParameter parameter = parse_paddle_parameter(bytes_of(file));
      EXPECT_EQ(parameter.dims, dims);
      std::vector<float> values(static_cast<std::size_t>(parameter.count));
      copy_values(parameter, values);
      for (std::size_t i = 0; i < values.size(); ++i) EXPECT_EQ(values[i], static_cast<float>(i + 1));
    }
  }
}

TEST(Paddle, SkipsLevelsOfDetail) {
  const std::string lod =
      PaddleFile::number<8>(2) + PaddleFile::number<8>(16) + std::string(16, 'x') + PaddleFile::number<8>(0);
  const std::string file = PaddleFile::with_description(PaddleFile::description(5, {2}), 2, lod);
  EXPECT_EQ(parse_paddle_parameter(bytes_of(file)).count, 2);
}

TEST(Paddle, RefusesRoomOfAnotherSize) {
  const std::string file = PaddleFile::make({2, 3});
  const PaddleParameter parameter = parse_paddle_parameter(bytes_of(file));
  std::vector<float> values(7, 77.0F);
  expect_throws<InvalidArgument>([&] { copy_values(parameter, values); }, {"out", "6", "7"}, "room for 7");
  for (float value : values) EXPECT_EQ(value, 77.0F);
}

TEST(Paddle, NamesEveryDefectAndItsOffset) {
  const std::string good = PaddleFile::make({2, 3});
  const auto with = [&](std::size_t at, const std::string& bytes) {
    std::string file = good;
    return file.replace(at, bytes.size(), bytes);
  };
  const auto described = [](const std::string& description) {
    return PaddleFile::with_description(description, 6);
  };
  const auto varint = PaddleFile::varint;
  const std::string type = varint(1 << 3) + varint(5);
  const std::string endless(10, '\x80');

  expect_refused("", {"version", "4 bytes", "0 bytes left", "byte 0"}, "empty");
  expect_refused(with(0, "\x01"), {"version", "expected 0", "got 1", "byte 0"}, "version 1");
  expect_refused(with(4, "\x01"), {"LoD level"}, "one level that is not there");
  expect_refused(with(4, std::string(8, '\xFF')), {"LoD"}, "2^64 - 1 levels");
  expect_refused(
      PaddleFile::with_description(type, 1, PaddleFile::number<8>(1) + PaddleFile::number<8>(7) + "1234567"),
      {"LoD level", "multiple of 8", "got 7", "byte 12"}, "a level of 7 bytes");
  expect_refused(
      PaddleFile::with_description(type, 1, PaddleFile::number<8>(1) + std::string(7, '\xFF') + "\x7F"),
      {"LoD level"}, "a level of nearly 2^63 bytes");
  expect_refused(with(12, "\x02"), {"tensor version", "got 2", "byte 12"}, "tensor version 2");
  expect_refused(with(16, "\xFF\xFF\xFF\xFF"), {"size of the description", "got -1", "byte 16"},
                 "negative size");
  expect_refused(with(16, "\xFF\xFF\xFF\x7F"), {"description", "2147483647 bytes", "byte 20"},
                 "too long a description");
  expect_refused(described(""), {"element type", "none", "byte 20"}, "empty description");
  expect_refused(described(type), {"dimensions", "none", "byte 20"}, "no dimensions");
  expect_refused(described(varint(2 << 3) + varint(6)), {"element type", "none"}, "no element type");
  expect_refused(described(PaddleFile::description(6, {2, 3})), {"5 (fp32)", "got 6", "byte 20"}, "fp64");
  expect_refused(described(type + type + varint(16) + varint(6)), {"element type", "a second", "byte 22"},
                 "two types");
  expect_refused(described(type + varint(3 << 3) + varint(6)), {"field 3", "wire type 0", "byte 22"},
                 "field 3");
  expect_refused(described(varint(1 << 3 | 2) + varint(0)), {"field 1", "wire type 2"},
                 "type of another wire type");
  expect_refused(described(type + varint(16) + varint(0)), {"dimension", "at least 1", "got 0", "byte 23"},
                 "zero");
  expect_refused(described(PaddleFile::description(5, {-1})), {"dimension", "got -1"}, "minus one");
  expect_refused(described(PaddleFile::description(5, std::vector<std::int64_t>(10, 1))), {"at most 9"},
                 "rank 10");
  expect_refused(described(PaddleFile::description(5, std::vector<std::int64_t>(10, 1), true)), {"at most 9"},
                 "packed");
  expect_refused(described(type + varint(16)), {"dimension", "varint", "byte 23"}, "a cut varint");
  expect_refused(described(type + varint(16) + endless + "\x01"), {"64 bits", "byte 23"},
                 "a varint of 11 bytes");
  expect_refused(described(type + varint(16) + std::string(9, '\x80') + "\x02"), {"64 bits"},
                 "a varint of 65 bits");
  expect_refused(described(type + varint(18) + varint(9) + "\x02"),
                 {"packed dimensions", "9 bytes", "1 bytes left"}, "packed past the description");
  // 2^32 * 2^32 and 2^62: the product, or four times it, passes 64 bits.
  const std::int64_t half = std::int64_t{1} << 32;
  expect_refused(described(PaddleFile::description(5, {half, half})),
                 {"values", "[4294967296][4294967296]", "24 bytes"}, "a product past 64 bits");
  expect_refused(described(PaddleFile::description(5, {std::int64_t{1} << 62})), {"values", "24 bytes"},
                 "4 * 2^62");
  expect_refused(good + "x", {"values", "[2][3]", "25 bytes", "byte 26"}, "a byte too many");
}

TEST(Paddle, EveryTruncationIsRefused) {
  const std::string lod = PaddleFile::number<8>(1) + PaddleFile::number<8>(8) + std::string(8, '\0');
  for (const std::string& file : {PaddleFile::make({2, 3}), PaddleFile::make({300}, true),
                                  PaddleFile::with_description(PaddleFile::description(5, {2}), 2, lod)}) {
    parse_exactly(file);
    for (std::size_t size = 0; size < file.size(); ++size) {
      EXPECT_THROW(parse_exactly(file.substr(0, size)), FormatError) << size << " of " << file.size();
    }
  }
}

// A flipped byte is an error or another valid file, never anything else. In the values it always is valid.
TEST(Paddle, FlippedBytesAreErrorsOrValidFiles) {
  const std::string file = PaddleFile::make({2, 3});
  std::size_t refused = 0;
  for (std::size_t at = 0; at < file.size(); ++at) {
    for (int value = 0; value < 256; ++value) {
      std::string flipped = file;
      flipped[at] = static_cast<char>(value);
      try {
        parse_exactly(flipped);
      } catch (const FormatError&) {
        ++refused;
        EXPECT_LT(at, kHeader + 6) << "a value was refused";
      }
    }
  }
  // Twenty-six bytes before the values. Only 2 3 <-> 3 2, 1 6 and the like stay valid.
  EXPECT_GT(refused, (kHeader + 6) * 250);
}

}  // namespace
}  // namespace recur::test
