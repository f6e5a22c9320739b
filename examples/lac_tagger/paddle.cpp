#include "paddle.hpp"

#include <bit>
#include <limits>
#include <string>

#include "dims.hpp"
#include "recur/error.hpp"

namespace lac {
namespace {

constexpr std::uint64_t kElementFp32 = 5;
constexpr std::size_t kMaxRank = 9;  // Paddle's own limit
constexpr std::int64_t kValueBytes = 4;

// Wire types of protocol buffers.
constexpr std::uint64_t kVarint = 0;
constexpr std::uint64_t kLengthDelimited = 2;

[[noreturn]] void fail(const std::string& what, const std::string& expected, const std::string& got,
                       std::size_t offset) {
  throw recur::FormatError("Paddle parameter: " + what + ": expected " + expected + ", got " + got +
                           " at byte " + std::to_string(offset));
}

std::string bytes_text(std::uint64_t bytes) { return std::to_string(bytes) + " bytes"; }

// Reads a part of the file, front to back, and never past its end. Offsets in messages count from the file's
// first byte.
class Reader {
 public:
  Reader(std::span<const std::byte> part, std::size_t offset) : part_(part), start_(offset) {}

  std::size_t left() const { return part_.size() - at_; }
  std::size_t offset() const { return start_ + at_; }

  Reader take(const char* what, std::uint64_t bytes) {
    if (bytes > left()) fail(what, bytes_text(bytes), bytes_text(left()) + " left", offset());
    Reader result(part_.subspan(at_, static_cast<std::size_t>(bytes)), offset());
    at_ += static_cast<std::size_t>(bytes);
    return result;
  }

  template <class Unsigned>
  Unsigned little_endian(const char* what) {
    const Reader bytes = take(what, sizeof(Unsigned));
    Unsigned value = 0;
    for (std::size_t i = sizeof(Unsigned); i-- > 0;) {
      value = static_cast<Unsigned>(value << 8 | std::to_integer<Unsigned>(bytes.part_[i]));
    }
    return value;
  }

  std::uint64_t varint(const char* what) {
    const std::size_t begin = offset();
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (left() == 0) fail(what, "a varint", "its first " + bytes_text(offset() - begin), begin);
      const auto byte = std::to_integer<std::uint64_t>(part_[at_++]);
      if (shift == 63 && byte > 1) break;
      value |= (byte & 0x7F) << shift;
      if (byte < 0x80) return value;
    }
    fail(what, "a varint of at most 64 bits", "more", begin);
  }

  std::span<const std::byte> rest() const { return part_.subspan(at_); }

 private:
  std::span<const std::byte> part_;
  std::size_t start_;
  std::size_t at_ = 0;
};

void read_version(Reader& reader, const char* what) {
  const std::size_t offset = reader.offset();
  const auto version = reader.little_endian<std::uint32_t>(what);
  if (version != 0) fail(what, "0", std::to_string(version), offset);
}

void skip_lod(Reader& reader) {
  const auto levels = reader.little_endian<std::uint64_t>("number of LoD levels");
  // Ends at the file's end at the latest: every level takes at least the 8 bytes of its size.
  for (std::uint64_t level = 0; level < levels; ++level) {
    const std::size_t offset = reader.offset();
    const auto bytes = reader.little_endian<std::uint64_t>("size of a LoD level");
    if (bytes % 8 != 0) fail("size of a LoD level", "a multiple of 8", std::to_string(bytes), offset);
    reader.take("LoD level", bytes);
  }
}

void add_dimension(Reader& reader, std::vector<std::int64_t>& dims) {
  const std::size_t offset = reader.offset();
  const auto size = static_cast<std::int64_t>(reader.varint("dimension"));
  if (size < 1) fail("dimension", "at least 1", std::to_string(size), offset);
  if (dims.size() == kMaxRank) fail("dimensions", "at most " + std::to_string(kMaxRank), "more", offset);
  dims.push_back(size);
}

std::vector<std::int64_t> read_description(Reader description) {
  const std::size_t begin = description.offset();
  bool has_type = false;
  std::vector<std::int64_t> dims;
  while (description.left() > 0) {
    const std::size_t offset = description.offset();
    const std::uint64_t key = description.varint("field key");
    const std::uint64_t field = key >> 3;
    const std::uint64_t wire = key & 7;
    if (field == 1 && wire == kVarint) {
      const std::uint64_t type = description.varint("element type");
      if (has_type) fail("element type", "one", "a second", offset);
      if (type != kElementFp32) fail("element type", "5 (fp32)", std::to_string(type), offset);
      has_type = true;
    } else if (field == 2 && wire == kVarint) {
      add_dimension(description, dims);
    } else if (field == 2 && wire == kLengthDelimited) {
      Reader packed = description.take("packed dimensions", description.varint("size of packed dimensions"));
      while (packed.left() > 0) add_dimension(packed, dims);
    } else {
      fail("description", "field 1 (element type) or 2 (dimensions)",
           "field " + std::to_string(field) + " of wire type " + std::to_string(wire), offset);
    }
  }
  if (!has_type) fail("description", "an element type", "none", begin);
  if (dims.empty()) fail("description", "dimensions", "none", begin);
  return dims;
}

// Product of the dimensions, at most `limit`; -1 where it is more.
std::int64_t count_of(const std::vector<std::int64_t>& dims, std::int64_t limit) {
  std::int64_t count = 1;
  for (std::int64_t size : dims) {
    if (size > limit / count) return -1;
    count *= size;
  }
  return count;
}

}  // namespace

PaddleParameter parse_paddle_parameter(std::span<const std::byte> file) {
  Reader reader(file, 0);
  read_version(reader, "version");
  skip_lod(reader);
  read_version(reader, "tensor version");
  const std::size_t size_offset = reader.offset();
  const auto size = static_cast<std::int32_t>(reader.little_endian<std::uint32_t>("size of the description"));
  if (size < 0) fail("size of the description", "at least 0", std::to_string(size), size_offset);

  PaddleParameter parameter;
  parameter.dims = read_description(reader.take("description", static_cast<std::uint64_t>(size)));
  parameter.data = reader.rest();
  const auto bytes = static_cast<std::int64_t>(parameter.data.size());
  parameter.count = count_of(parameter.dims, std::numeric_limits<std::int64_t>::max() / kValueBytes);
  if (parameter.count < 0 || parameter.count * kValueBytes != bytes) {
    fail("values", "4 bytes for each of " + dims_text(parameter.dims),
         bytes_text(static_cast<std::uint64_t>(bytes)), reader.offset());
  }
  return parameter;
}

void copy_values(const PaddleParameter& parameter, std::span<float> out) {
  if (static_cast<std::int64_t>(out.size()) != parameter.count) {
    throw recur::InvalidArgument("out: expected " + std::to_string(parameter.count) +
                                 " values, got room for " + std::to_string(out.size()));
  }
  for (std::size_t i = 0; i < out.size(); ++i) {
    std::uint32_t bits = 0;
    for (std::size_t byte = kValueBytes; byte-- > 0;) {
      bits = bits << 8 | std::to_integer<std::uint32_t>(parameter.data[kValueBytes * i + byte]);
    }
    out[i] = std::bit_cast<float>(bits);
  }
}

}  // namespace lac
