#include "recur/safetensors.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>

#include "recur/error.hpp"

namespace recur {
namespace {

using Json = nlohmann::json;

static_assert(std::endian::native == std::endian::little,
              "tensors of a file are little-endian, and not converted");

constexpr std::size_t kLengthBytes = 8;
constexpr std::uint64_t kMostHeaderBytes = 100'000'000;
constexpr const char* kMetadata = "__metadata__";

struct Dtype {
  std::string_view name;
  int bits;
  std::optional<DataType> type;
};
constexpr Dtype kDtypes[] = {
    {"F64", 64, DataType::f64},
    {"F32", 32, DataType::f32},
    {"F16", 16, DataType::f16},
    {"BF16", 16, DataType::bf16},
    {"I32", 32, DataType::i32},
    {"U8", 8, DataType::u8},
    {"I64", 64, {}},
    {"U64", 64, {}},
    {"U32", 32, {}},
    {"I16", 16, {}},
    {"U16", 16, {}},
    {"I8", 8, {}},
    {"BOOL", 8, {}},
    {"F8_E4M3", 8, {}},
    {"F8_E5M2", 8, {}},
    {"C64", 64, {}},
};

const Dtype* find_dtype(std::string_view name) {
  const auto* const found = std::ranges::find(kDtypes, name, &Dtype::name);
  return found == std::end(kDtypes) ? nullptr : found;
}

// Bytes of a dense tensor; empty for a negative size or one that passes 64 bits.
std::optional<std::uint64_t> bytes_of(const std::vector<std::int64_t>& shape, int bits) {
  std::uint64_t count = 1;
  for (std::int64_t size : shape) {
    if (size < 0 || __builtin_mul_overflow(count, static_cast<std::uint64_t>(size), &count)) return {};
  }
  std::uint64_t bytes = 0;
  if (__builtin_mul_overflow(count, static_cast<std::uint64_t>(bits) / 8, &bytes)) return {};
  return bytes;
}

[[noreturn]] void bad(const std::string& what) { throw FormatError("safetensors: " + what); }

// Strings of a file in our messages: as they are, but short.
std::string in_quotes(std::string_view text) {
  constexpr std::size_t kMost = 64;
  return "'" + std::string(text.substr(0, kMost)) + (text.size() > kMost ? "...'" : "'");
}

// Keeps no key that an object has twice for the last one to win.
Json parse_header(std::string_view text) {
  std::vector<std::set<std::string>> keys;
  std::string twice;
  const auto watch = [&](int /*depth*/, Json::parse_event_t event, Json& value) {
    if (event == Json::parse_event_t::object_start) keys.emplace_back();
    if (event == Json::parse_event_t::object_end && !keys.empty()) keys.pop_back();
    if (event == Json::parse_event_t::key && !keys.empty()) {
      auto key = value.get<std::string>();
      if (!keys.back().insert(key).second && twice.empty()) twice = std::move(key);
    }
    return true;
  };
  Json header;
  try {
    header = Json::parse(text, watch);
  } catch (const Json::exception& error) {
    bad(std::string("the header is no JSON: ") + error.what());
  }
  if (!twice.empty()) bad("the name " + in_quotes(twice) + " occurs twice");
  if (!header.is_object()) bad("the header is no JSON object");
  return header;
}

std::uint64_t whole_number(const Json& value, const std::string& what) {
  if (!value.is_number_unsigned()) bad(what + ": expected a whole number of at least 0");
  return value.get<std::uint64_t>();
}

const Json& member(const Json& object, const char* name, const std::string& of) {
  const auto found = object.find(name);
  if (found == object.end()) bad(of + ": expected a field '" + name + "'");
  return *found;
}

struct Parsed {
  SafetensorsTensor tensor;
  std::uint64_t begin;
  std::uint64_t end;
};

Parsed parse_tensor(const std::string& name, const Json& json, std::span<const std::byte> buffer) {
  const std::string of = in_quotes(name);
  if (!json.is_object()) bad(of + ": expected an object");
  Parsed parsed;
  SafetensorsTensor& tensor = parsed.tensor;
  tensor.name = name;
  const Json& dtype = member(json, "dtype", of);
  const Dtype* const known = dtype.is_string() ? find_dtype(dtype.get_ref<const std::string&>()) : nullptr;
  if (known == nullptr) bad(of + ": unknown dtype");
  tensor.dtype = known->name;
  const Json& shape = member(json, "shape", of);
  if (!shape.is_array()) bad(of + ": expected a list as shape");
  for (const Json& size : shape) {
    const std::uint64_t value = whole_number(size, of + ": shape");
    if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
      bad(of + ": a size of " + std::to_string(value));
    }
    tensor.shape.push_back(static_cast<std::int64_t>(value));
  }
  const Json& offsets = member(json, "data_offsets", of);
  if (!offsets.is_array() || offsets.size() != 2) bad(of + ": expected two data_offsets");
  parsed.begin = whole_number(offsets[0], of + ": data_offsets");
  parsed.end = whole_number(offsets[1], of + ": data_offsets");
  if (parsed.begin > parsed.end || parsed.end > buffer.size()) {
    bad(of + ": data_offsets " + std::to_string(parsed.begin) + " to " + std::to_string(parsed.end) + " of " +
        std::to_string(buffer.size()) + " bytes");
  }
  const auto bytes = bytes_of(tensor.shape, known->bits);
  if (!bytes || *bytes != parsed.end - parsed.begin) {
    bad(of + ": " + std::to_string(parsed.end - parsed.begin) +
        " bytes are not those of its shape and dtype");
  }
  tensor.data = buffer.subspan(static_cast<std::size_t>(parsed.begin), static_cast<std::size_t>(*bytes));
  return parsed;
}

}  // namespace

const SafetensorsTensor* Safetensors::find(std::string_view name) const {
  const auto found = std::ranges::find(tensors, name, &SafetensorsTensor::name);
  return found == tensors.end() ? nullptr : &*found;
}

std::string_view safetensors_dtype(DataType type) {
  for (const Dtype& dtype : kDtypes) {
    if (dtype.type == type) return dtype.name;
  }
  throw InvalidArgument("dtype: expected one of its enumerators, got " +
                        std::to_string(static_cast<int>(type)));
}

std::optional<DataType> type_of_safetensors(std::string_view dtype) {
  const Dtype* const found = find_dtype(dtype);
  return found == nullptr ? std::nullopt : found->type;
}

Safetensors parse_safetensors(std::span<const std::byte> file) {
  if (file.size() < kLengthBytes) bad("expected at least 8 bytes, got " + std::to_string(file.size()));
  std::uint64_t length = 0;
  std::memcpy(&length, file.data(), kLengthBytes);
  const std::span<const std::byte> rest = file.subspan(kLengthBytes);
  if (length > kMostHeaderBytes || length > rest.size()) {
    bad("a header of " + std::to_string(length) + " bytes in a file of " + std::to_string(file.size()));
  }
  const auto header_bytes = static_cast<std::size_t>(length);
  const std::string_view text(reinterpret_cast<const char*>(rest.data()), header_bytes);
  if (!text.starts_with('{')) bad("the header does not start with '{'");
  const std::span<const std::byte> buffer = rest.subspan(header_bytes);

  Safetensors result;
  std::vector<Parsed> all;
  const Json header = parse_header(text);
  for (const auto& [name, json] : header.items()) {
    if (name != kMetadata) {
      all.push_back(parse_tensor(name, json, buffer));
      continue;
    }
    if (!json.is_object()) bad("__metadata__: expected an object");
    for (const auto& [key, value] : json.items()) {
      if (!value.is_string()) bad("__metadata__: expected strings");
      result.metadata.emplace(key, value.get<std::string>());
    }
  }
  std::ranges::sort(all, [](const Parsed& a, const Parsed& b) {
    return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
  });
  std::uint64_t end = 0;
  for (Parsed& one : all) {
    if (one.begin != end)
      bad(in_quotes(one.tensor.name) + ": does not start where the tensor before it ends");
    end = one.end;
    result.tensors.push_back(std::move(one.tensor));
  }
  if (end != buffer.size()) bad(std::to_string(buffer.size() - end) + " bytes belong to no tensor");
  return result;
}

std::vector<std::byte> write_safetensors(std::span<const SafetensorsTensor> tensors,
                                         const std::map<std::string, std::string>& metadata) {
  Json header = Json::object();
  if (!metadata.empty()) header[kMetadata] = metadata;
  std::uint64_t end = 0;
  for (const SafetensorsTensor& tensor : tensors) {
    const std::string of = "tensor " + in_quotes(tensor.name);
    if (tensor.name == kMetadata || header.contains(tensor.name))
      throw InvalidArgument(of + ": expected a name of its own");
    const Dtype* const dtype = find_dtype(tensor.dtype);
    if (dtype == nullptr) throw InvalidArgument(of + ": unknown dtype " + in_quotes(tensor.dtype));
    const auto bytes = bytes_of(tensor.shape, dtype->bits);
    if (!bytes || *bytes != tensor.data.size()) {
      throw InvalidArgument(of + ": " + std::to_string(tensor.data.size()) +
                            " bytes are not those of its shape and dtype");
    }
    header[tensor.name] = {
        {"dtype", tensor.dtype}, {"shape", tensor.shape}, {"data_offsets", {end, end + *bytes}}};
    end += *bytes;
  }
  std::string text;
  try {
    text = header.dump();
  } catch (const Json::exception& error) {
    throw InvalidArgument(std::string("safetensors: names and metadata are UTF-8: ") + error.what());
  }
  text.append((kLengthBytes - text.size() % kLengthBytes) % kLengthBytes, ' ');
  if (text.size() > kMostHeaderBytes) throw InvalidArgument("safetensors: more than 100 MB of header");

  std::vector<std::byte> file(kLengthBytes + text.size() + static_cast<std::size_t>(end));
  const std::uint64_t length = text.size();
  std::memcpy(file.data(), &length, kLengthBytes);
  std::memcpy(file.data() + kLengthBytes, text.data(), text.size());
  std::byte* to = file.data() + kLengthBytes + text.size();
  for (const SafetensorsTensor& tensor : tensors) to = std::ranges::copy(tensor.data, to).out;
  return file;
}

std::vector<std::byte> read_safetensors_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  const std::streamoff size = file ? static_cast<std::streamoff>(file.tellg()) : -1;
  if (size < 0) throw FormatError(path.string() + ": cannot be read");
  std::vector<std::byte> bytes(static_cast<std::size_t>(size));
  file.seekg(0);
  if (!file.read(reinterpret_cast<char*>(bytes.data()), size))
    throw FormatError(path.string() + ": cannot be read");
  return bytes;
}

void write_safetensors_file(const std::filesystem::path& path, std::span<const std::byte> bytes) {
  const std::filesystem::path beside = path.string() + ".part";
  std::ofstream file(beside, std::ios::binary | std::ios::trunc);
  file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  file.close();
  std::error_code error;
  if (file) std::filesystem::rename(beside, path, error);
  if (!file || error) {
    std::error_code ignored;
    std::filesystem::remove(beside, ignored);
    throw FormatError(path.string() + ": cannot be written" + (error ? ": " + error.message() : ""));
  }
}

}  // namespace recur
