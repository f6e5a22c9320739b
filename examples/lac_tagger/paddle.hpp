/// @file
/// Parameter files of PaddlePaddle ("fluid" format, version 0), read from memory.
///
/// All numbers little-endian:
///
///     u32  version, 0
///     u64  number of LoD levels; per level a u64 byte count and as many bytes (skipped: a parameter has
///     none) u32  tensor version, 0 i32  byte count of the description
///          description, a protocol buffer: field 1 varint element type (5 = fp32),
///          field 2 repeated varint dimensions (one by one or packed)
///     f32  values, row-major, exactly to the end of the file
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace lac {

/// A parsed parameter; refers to the bytes it was parsed from.
struct PaddleParameter {
  std::vector<std::int64_t> dims;   ///< 1 to 9 sizes, each at least 1, outermost first
  std::int64_t count = 0;           ///< product of `dims`
  std::span<const std::byte> data;  ///< 4 * count bytes of little-endian fp32, not aligned
};

/// Parses a file. Copies nothing and allocates nothing but `dims`, whatever the bytes claim.
///
/// @throws FormatError saying what is wrong, what was expected, and at which byte offset.
PaddleParameter parse_paddle_parameter(std::span<const std::byte> file);

/// Decodes the values into `out`. @throws InvalidArgument unless out.size() == count.
void copy_values(const PaddleParameter& parameter, std::span<float> out);

}  // namespace lac
