#include "recur/safetensors.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>

#include "host/out_of_memory.hpp"
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
    {"F8_E8M0", 8, {}},
    {"F8_E4M3FNUZ", 8, {}},
    {"F8_E5M2FNUZ", 8, {}},
    {"F6_E2M3", 6, {}},
    {"F6_E3M2", 6, {}},
    {"F4", 4, {}},
    {"C64", 64, {}},
};

const Dtype* find_dtype(std::string_view name) {
  const auto* const found = std::ranges::find(kDtypes, name, &Dtype::name);
  return found == std::end(kDtypes) ? nullptr : found;
}

// Bytes of a dense tensor; empty for a negative size, bits that pass 64 bits, and elements below a byte whose
// bits fill no whole bytes.
std::optional<std::uint64_t> bytes_of(const std::vector<std::int64_t>& shape, int bits) {
  std::uint64_t count = 1;
  for (std::int64_t size : shape) {
    if (size < 0 || __builtin_mul_overflow(count, static_cast<std::uint64_t>(size), &count)) return {};
  }
  std::uint64_t all = 0;
  if (__builtin_mul_overflow(count, static_cast<std::uint64_t>(bits), &all) || all % 8 != 0) return {};
  return all / 8;
}

[[noreturn]] void bad(const std::string& what) { throw FormatError("safetensors: " + what); }

// Strings of a file in our messages: as they are, but short.
std::string in_quotes(std::string_view text) {
  constexpr std::size_t kMost = 64;
  return "'" + std::string(text.substr(0, kMost)) + (text.size() > kMost ? "...'" : "'");
}

// A file of another kind that is often given in place of one, by its first bytes; empty where none is known.
std::string other_kind(std::span<const std::byte> file) {
  const std::string_view text(reinterpret_cast<const char*>(file.data()), file.size());
  if (text.starts_with("PK\x03\x04")) return "a zip archive, as torch.save and numpy.savez write";
  if (text.starts_with("\x89HDF\r\n")) return "an HDF5 file, as Keras writes";
  if (text.starts_with("\x93NUMPY")) return "a file of numpy.save";
  if (text.starts_with("GGUF")) return "a GGUF file";
  if (text.starts_with("\x80\x02") || text.starts_with("\x80\x04")) return "a Python pickle";
  if (text.starts_with("version https://git-lfs"))
    return "a pointer of Git LFS, not the file that it stands for";
  // Bytes that UTF-8 never has, and all but three control characters, make it no text.
  constexpr std::size_t kShown = 32;
  std::string_view first = text.substr(0, kShown);
  const bool is_text = text.size() >= kLengthBytes && std::ranges::all_of(first, [](char c) {
                         const auto byte = static_cast<unsigned char>(c);
                         if (byte < 0x20) return c == '\n' || c == '\r' || c == '\t';
                         return byte != 0x7f && byte != 0xc0 && byte != 0xc1 && byte < 0xf5;
                       });
  if (!is_text) return {};
  if (text.size() > kShown) {  // no part of a character
    const auto is_part = [](char c) { return (static_cast<unsigned char>(c) & 0xc0u) == 0x80u; };
    std::size_t end = kShown;
    while (end > 0 && is_part(text[end])) --end;
    first = text.substr(0, end);
  }
  const std::string_view line = first.substr(0, first.find_first_of("\n\r"));
  return "text, which begins with '" + std::string(line) + "'";
}

// The length of the header, which a file begins with. Files of other kinds have none that fits.
std::uint64_t header_length(std::span<const std::byte> file) {
  if (file.size() < kLengthBytes) bad("expected at least 8 bytes, got " + std::to_string(file.size()));
  std::uint64_t length = 0;
  std::memcpy(&length, file.data(), kLengthBytes);
  if (length > kMostHeaderBytes || length > file.size() - kLengthBytes) {
    const std::string kind = other_kind(file);
    if (!kind.empty()) bad("this is no safetensors file but " + kind);
    bad("a header of " + std::to_string(length) + " bytes in a file of " + std::to_string(file.size()));
  }
  return length;
}

// What the header says of one tensor.
struct Entry {
  std::string name;
  std::optional<std::string> dtype;
  std::optional<std::vector<std::uint64_t>> shape;
  std::optional<std::vector<std::uint64_t>> data_offsets;
};

// Takes the header as the parser comes upon its parts. (A tree of them would be simpler to read, but freeing
// one takes memory, which may not be there.)
class HeaderReader final : public Json::json_sax_t {
 public:
  std::vector<Entry> entries;
  std::map<std::string, std::string> metadata;

  bool start_object(std::size_t /*elements*/) override {
    if (skips_value()) {
      ++skipped_depth_;
    } else if (place_ == Place::outside) {
      place_ = Place::names;
    } else if (place_ == Place::names) {
      place_ = name_ == kMetadata ? Place::metadata : Place::tensor;
      if (place_ == Place::tensor) entries.push_back({name_, {}, {}, {}});
    } else {
      unexpected();
    }
    return true;
  }
  bool end_object() override {
    if (skipped_depth_ > 0) {
      --skipped_depth_;
      return true;
    }
    place_ = place_ == Place::names ? Place::outside : Place::names;
    return true;
  }
  bool key(std::string& key) override {
    if (skipped_depth_ > 0) return true;
    if (place_ == Place::names) {
      name_ = key;
      if (!names_.insert(key).second) bad("the name " + in_quotes(key) + " occurs twice");
    } else {
      key_ = key;
      if (place_ == Place::metadata && metadata.contains(key))
        bad("__metadata__: " + in_quotes(key) + " occurs twice");
    }
    return true;
  }
  bool start_array(std::size_t /*elements*/) override {
    if (skips_value()) {
      ++skipped_depth_;
      return true;
    }
    if (place_ != Place::tensor) unexpected();
    Entry& entry = entries.back();
    list_ = key_ == "shape" ? &entry.shape : key_ == "data_offsets" ? &entry.data_offsets : nullptr;
    if (list_ == nullptr || list_->has_value()) unexpected();
    list_->emplace();
    place_ = Place::list;
    return true;
  }
  bool end_array() override {
    if (skipped_depth_ > 0) {
      --skipped_depth_;
      return true;
    }
    place_ = Place::tensor;
    return true;
  }
  bool number_unsigned(std::uint64_t value) override {
    if (skips_value()) return true;
    if (place_ != Place::list) unexpected();
    (*list_)->push_back(value);
    return true;
  }
  bool number_integer(std::int64_t /*value*/) override { return skips_value() || unexpected(); }
  bool number_float(double /*value*/, const std::string& /*text*/) override {
    return skips_value() || unexpected();
  }
  bool string(std::string& value) override {
    if (skips_value()) return true;
    if (place_ == Place::metadata) {
      metadata.emplace(key_, value);
    } else if (place_ == Place::tensor && key_ == "dtype" && !entries.back().dtype) {
      entries.back().dtype = value;
    } else {
      unexpected();
    }
    return true;
  }
  bool boolean(bool /*value*/) override { return skips_value() || unexpected(); }
  // Null metadata are none, as for the format's own library.
  bool null() override {
    return skips_value() || (place_ == Place::names && name_ == kMetadata) || unexpected();
  }
  bool binary(Json::binary_t& /*value*/) override { return unexpected(); }
  bool parse_error(std::size_t /*position*/, const std::string& /*token*/,
                   const Json::exception& error) override {
    bad(std::string("the header is no JSON: ") + error.what());
  }

 private:
  // Where the parser is.
  enum class Place { outside, names, metadata, tensor, list };

  // Whether a value belongs to a field of a tensor that the format does not have, however deep. They are
  // skipped, as the format's own library does.
  bool skips_value() const {
    return skipped_depth_ > 0 ||
           (place_ == Place::tensor && key_ != "dtype" && key_ != "shape" && key_ != "data_offsets");
  }

  [[noreturn]] bool unexpected() const {
    const std::string of = in_quotes(name_);
    switch (place_) {
      case Place::outside: break;
      case Place::names: bad(of + ": expected an object");
      case Place::metadata: bad("__metadata__: expected strings");
      case Place::list: bad(of + ": " + key_ + ": expected whole numbers of at least 0");
      case Place::tensor:
        if (key_ == "dtype") bad(of + ": expected one string as dtype");
        bad(of + ": expected one list as " + key_);
    }
    bad("the header is no JSON object");
  }

  Place place_ = Place::outside;
  std::string name_;
  std::string key_;
  int skipped_depth_ = 0;
  std::set<std::string> names_;
  std::optional<std::vector<std::uint64_t>>* list_ = nullptr;
};

struct Parsed {
  SafetensorsTensor tensor;
  std::uint64_t begin;
  std::uint64_t end;
};

Parsed checked(const Entry& entry, std::span<const std::byte> buffer) {
  const std::string of = in_quotes(entry.name);
  const auto required = [&](bool there, const char* name) {
    if (!there) bad(of + ": expected a field '" + name + "'");
  };
  required(entry.dtype.has_value(), "dtype");
  required(entry.shape.has_value(), "shape");
  required(entry.data_offsets.has_value(), "data_offsets");
  Parsed parsed;
  SafetensorsTensor& tensor = parsed.tensor;
  tensor.name = entry.name;
  tensor.dtype = *entry.dtype;
  for (std::uint64_t size : *entry.shape) {
    if (size > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
      bad(of + ": a size of " + std::to_string(size));
    }
    tensor.shape.push_back(static_cast<std::int64_t>(size));
  }
  if (entry.data_offsets->size() != 2) bad(of + ": expected two data_offsets");
  parsed.begin = entry.data_offsets->front();
  parsed.end = entry.data_offsets->back();
  if (parsed.begin > parsed.end || parsed.end > buffer.size()) {
    bad(of + ": data_offsets " + std::to_string(parsed.begin) + " to " + std::to_string(parsed.end) + " of " +
        std::to_string(buffer.size()) + " bytes");
  }
  // What elements of an unknown type take nobody knows; a file may have such tensors beside those asked for.
  const std::uint64_t size = parsed.end - parsed.begin;
  const Dtype* const known = find_dtype(tensor.dtype);
  if (known != nullptr && bytes_of(tensor.shape, known->bits) != size) {
    bad(of + ": " + std::to_string(size) + " bytes are not those of its shape and dtype");
  }
  tensor.data = buffer.subspan(static_cast<std::size_t>(parsed.begin), static_cast<std::size_t>(size));
  return parsed;
}

// A string as JSON has it.
std::string json_string(const std::string& text) {
  try {
    return Json(text).dump();
  } catch (const Json::exception& error) {
    throw InvalidArgument(std::string("safetensors: names and metadata are UTF-8: ") + error.what());
  }
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

std::optional<int> bits_of_safetensors(std::string_view dtype) {
  const Dtype* const found = find_dtype(dtype);
  return found == nullptr ? std::nullopt : std::optional(found->bits);
}

Safetensors parse_safetensors(std::span<const std::byte> file) {
  return host::with_memory("safetensors", [&] {
    const auto header_bytes = static_cast<std::size_t>(header_length(file));
    const std::span<const std::byte> rest = file.subspan(kLengthBytes);
    const std::string_view text(reinterpret_cast<const char*>(rest.data()), header_bytes);
    if (!text.starts_with('{')) bad("the header does not start with '{'");
    const std::span<const std::byte> buffer = rest.subspan(header_bytes);

    HeaderReader header;
    Json::sax_parse(text, &header);
    Safetensors result;
    result.metadata = std::move(header.metadata);
    std::vector<Parsed> all;
    all.reserve(header.entries.size());
    for (const Entry& entry : header.entries) all.push_back(checked(entry, buffer));
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
  });
}

std::vector<std::byte> write_safetensors(std::span<const SafetensorsTensor> tensors,
                                         const std::map<std::string, std::string>& metadata) {
  return host::with_memory("safetensors", [&] {
    std::string text = "{";
    if (!metadata.empty()) {
      text += std::string("\"") + kMetadata + "\":{";
      for (const auto& [key, value] : metadata) text += json_string(key) + ":" + json_string(value) + ",";
      text.back() = '}';
      text += ',';
    }
    std::set<std::string_view> names = {kMetadata};
    std::uint64_t end = 0;
    for (const SafetensorsTensor& tensor : tensors) {
      const std::string of = "tensor " + in_quotes(tensor.name);
      if (!names.insert(tensor.name).second) throw InvalidArgument(of + ": expected a name of its own");
      const Dtype* const dtype = find_dtype(tensor.dtype);
      if (dtype == nullptr) throw InvalidArgument(of + ": unknown dtype " + in_quotes(tensor.dtype));
      const auto bytes = bytes_of(tensor.shape, dtype->bits);
      if (!bytes || *bytes != tensor.data.size()) {
        throw InvalidArgument(of + ": " + std::to_string(tensor.data.size()) +
                              " bytes are not those of its shape and dtype");
      }
      std::string shape;
      for (std::int64_t size : tensor.shape) shape += (shape.empty() ? "" : ",") + std::to_string(size);
      text += json_string(tensor.name) + R"(:{"dtype":")" + tensor.dtype + R"(","shape":[)" + shape +
              R"(],"data_offsets":[)" + std::to_string(end) + "," + std::to_string(end + *bytes) + "]},";
      end += *bytes;
    }
    if (text.back() == ',') text.pop_back();
    text += '}';
    text.append((kLengthBytes - text.size() % kLengthBytes) % kLengthBytes, ' ');
    if (text.size() > kMostHeaderBytes) throw InvalidArgument("safetensors: more than 100 MB of header");

    std::vector<std::byte> file(kLengthBytes + text.size() + static_cast<std::size_t>(end));
    const std::uint64_t length = text.size();
    std::memcpy(file.data(), &length, kLengthBytes);
    std::memcpy(file.data() + kLengthBytes, text.data(), text.size());
    std::byte* to = file.data() + kLengthBytes + text.size();
    for (const SafetensorsTensor& tensor : tensors) to = std::ranges::copy(tensor.data, to).out;
    return file;
  });
}

std::vector<std::byte> read_safetensors_file(const std::filesystem::path& path) {
  return host::with_memory("safetensors", [&] {
    // A folder can be opened as a file, and has the largest size there is.
    std::error_code ignored;
    if (std::filesystem::is_directory(path, ignored))
      throw FormatError(path.string() + ": is a folder, expected a .safetensors file");
    std::ifstream file(path, std::ios::binary | std::ios::ate);
    const std::streamoff size = file ? static_cast<std::streamoff>(file.tellg()) : -1;
    if (size < 0) throw FormatError(path.string() + ": cannot be read");
    std::vector<std::byte> bytes(static_cast<std::size_t>(size));
    file.seekg(0);
    if (!file.read(reinterpret_cast<char*>(bytes.data()), size))
      throw FormatError(path.string() + ": cannot be read");
    try {
      static_cast<void>(header_length(bytes));
    } catch (const FormatError& error) {
      throw FormatError(path.string() + ": " + error.what());
    }
    return bytes;
  });
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
