// Writes Paddle parameter files, piece by piece so that each can be spoilt.
#pragma once

#include <bit>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace recur::test {

class PaddleFile {
 public:
  // A file of version 0: fp32, dims one by one or packed, values 1, 2, 3 ...
  static std::string make(const std::vector<std::int64_t>& dims, bool packed = false) {
    std::int64_t count = 1;
    for (std::int64_t size : dims) count *= size;
    return with_description(description(5, dims, packed), count);
  }

  static std::string with_description(const std::string& description, std::int64_t count,
                                      const std::string& lod = {}) {
    std::string file = number<4>(0) + (lod.empty() ? number<8>(0) : lod) + number<4>(0);
    file += number<4>(description.size()) + description;
    for (std::int64_t i = 1; i <= count; ++i)
      file += number<4>(std::bit_cast<std::uint32_t>(static_cast<float>(i)));
    return file;
  }

  static std::string description(std::uint64_t type, const std::vector<std::int64_t>& dims,
                                 bool packed = false) {
    std::string text = varint(1 << 3) + varint(type);
    std::string sizes;
    for (std::int64_t size : dims) {
      if (!packed) text += varint(2 << 3);
      (packed ? sizes : text) += varint(static_cast<std::uint64_t>(size));
    }
    if (packed) text += varint(2 << 3 | 2) + varint(sizes.size()) + sizes;
    return text;
  }

  static std::string varint(std::uint64_t value) {
    std::string text;
    for (; value >= 0x80; value >>= 7) text += static_cast<char>(static_cast<unsigned char>(value | 0x80));
    return text + static_cast<char>(value);
  }

  // Little-endian.
  template <int Bytes>
  static std::string number(std::uint64_t value) {
    std::string text;
    for (int i = 0; i < Bytes; ++i) text += static_cast<char>(static_cast<unsigned char>(value >> (8 * i)));
    return text;
  }
};

inline std::span<const std::byte> bytes_of(const std::string& text) { return std::as_bytes(std::span(text)); }

}  // namespace recur::test
