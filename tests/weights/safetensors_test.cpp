// Files of tensors: what is written is read again, and what is damaged is refused.
#include "recur/safetensors.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <fstream>

#include "recur/error.hpp"

namespace recur::test {
namespace {

std::span<const std::byte> bytes_of(const std::string& text) { return std::as_bytes(std::span(text)); }

// A file of this header and buffer.
std::string file_of(const std::string& header, const std::string& buffer) {
  std::string file(8, '\0');
  const std::uint64_t length = header.size();
  std::memcpy(file.data(), &length, 8);
  return file + header + buffer;
}

// A file of one tensor, 'a'.
std::string with(const std::string& tensor, std::size_t bytes = 16) {
  return file_of(R"({"a":)" + tensor + "}", std::string(bytes, '\0'));
}

// As the format's own page has it.
const std::string kHeader =
    R"({"test":{"dtype":"I32","shape":[2,2],"data_offsets":[0,16]},"b":{"dtype":"BF16","shape":[3],"data_offsets":[16,22]}})";

TEST(Safetensors, ReadsWhatTheFormatDescribes) {
  std::string buffer(22, '\0');
  buffer[0] = 7;
  buffer[21] = 9;
  const std::string file = file_of(kHeader, buffer);
  const Safetensors parsed = parse_safetensors(bytes_of(file));
  ASSERT_EQ(parsed.tensors.size(), 2u);
  EXPECT_EQ(parsed.tensors[0].name, "test") << "in the order of the bytes, not of the names";
  EXPECT_EQ(parsed.tensors[0].dtype, "I32");
  EXPECT_EQ(parsed.tensors[0].shape, (std::vector<std::int64_t>{2, 2}));
  EXPECT_EQ(parsed.tensors[0].data[0], std::byte{7});
  ASSERT_NE(parsed.find("b"), nullptr);
  EXPECT_EQ(parsed.find("b")->data[5], std::byte{9});
  EXPECT_EQ(parsed.find("c"), nullptr);
}

TEST(Safetensors, ScalarsEmptyTensorsAndMetadata) {
  const std::string file = file_of(
      R"({"__metadata__":{"format":"pt"},"s":{"dtype":"F64","shape":[],"data_offsets":[0,8]},"e":{"dtype":"F32","shape":[0,5],"data_offsets":[8,8]}}   )",
      std::string(8, 'x'));
  const Safetensors parsed = parse_safetensors(bytes_of(file));
  EXPECT_EQ(parsed.metadata.at("format"), "pt");
  EXPECT_TRUE(parsed.find("s")->shape.empty());
  EXPECT_TRUE(parsed.find("e")->data.empty());
  EXPECT_TRUE(parse_safetensors(bytes_of(file_of("{}", ""))).tensors.empty());
}

// What safetensors 0.8.0 reads though its page does not describe it.
TEST(Safetensors, ReadsWhatTheFormatsOwnLibraryReads) {
  const std::string file = file_of(
      R"({"__metadata__":null,"a":{"x":{"dtype":[1,{"shape":null}]},"dtype":"U8","y":-1,"shape":[1],"z":[[],1.5,true,"s"],"data_offsets":[0,1],"y":2}})",
      "x");
  const Safetensors parsed = parse_safetensors(bytes_of(file));
  EXPECT_TRUE(parsed.metadata.empty());
  ASSERT_EQ(parsed.tensors.size(), 1u);
  EXPECT_EQ(parsed.tensors[0].dtype, "U8");
  EXPECT_EQ(parsed.tensors[0].shape, std::vector<std::int64_t>{1});
}

// Every type of safetensors 0.8.0, 24 elements each, and the bytes that it has for them.
TEST(Safetensors, SizesOfAllTypes) {
  const std::map<std::string, std::size_t> kBytes = {
      {"BOOL", 24},    {"U8", 24},          {"I8", 24},          {"F8_E4M3", 24}, {"F8_E5M2", 24},
      {"F8_E8M0", 24}, {"F8_E4M3FNUZ", 24}, {"F8_E5M2FNUZ", 24}, {"F4", 12},      {"F6_E2M3", 18},
      {"F6_E3M2", 18}, {"I16", 48},         {"U16", 48},         {"F16", 48},     {"BF16", 48},
      {"I32", 96},     {"U32", 96},         {"F32", 96},         {"C64", 192},    {"F64", 192},
      {"I64", 192},    {"U64", 192}};
  EXPECT_EQ(kBytes.size(), 22u);
  for (const auto& entry : kBytes) {
    const std::string& dtype = entry.first;
    const std::size_t bytes = entry.second;
    const auto file = [&](std::size_t count) {
      return with(
          R"({"dtype":")" + dtype + R"(","shape":[4,6],"data_offsets":[0,)" + std::to_string(count) + "]}",
          count);
    };
    const std::string right = file(bytes);
    const Safetensors parsed = parse_safetensors(bytes_of(right));
    EXPECT_EQ(parsed.tensors.at(0).data.size(), bytes) << dtype;
    EXPECT_EQ(bits_of_safetensors(dtype), static_cast<int>(bytes * 8 / 24)) << dtype;
    EXPECT_EQ(parse_safetensors(write_safetensors(parsed.tensors)).tensors.at(0).shape,
              (std::vector<std::int64_t>{4, 6}))
        << dtype;
    const std::string wrong = file(bytes + 1);
    EXPECT_THROW(static_cast<void>(parse_safetensors(bytes_of(wrong))), FormatError) << dtype;
  }
  EXPECT_FALSE(bits_of_safetensors("F31").has_value());
}

TEST(Safetensors, ATensorOfAnUnknownTypeDoesNotRefuseTheOthers) {
  const std::string file = file_of(
      R"({"a":{"dtype":"F31","shape":[3],"data_offsets":[0,5]},"b":{"dtype":"U8","shape":[1],"data_offsets":[5,6]}})",
      "vwxyzb");
  const Safetensors parsed = parse_safetensors(bytes_of(file));
  EXPECT_EQ(parsed.find("b")->data[0], std::byte{'b'});
  EXPECT_EQ(parsed.find("a")->dtype, "F31");
  EXPECT_EQ(parsed.find("a")->data.size(), 5u);
}

struct Broken {
  const char* name;
  std::string file;
  const char* message;
};

TEST(Safetensors, BrokenFilesAreRefused) {
  std::string long_header = file_of(kHeader, std::string(22, '\0'));
  long_header[7] = 1;
  const Broken kBroken[] = {
      {"empty", "", "at least 8 bytes"},
      {"cut in the length", "1234567", "at least 8 bytes"},
      {"cut in the header", file_of(kHeader, "").substr(0, 40), "a header of"},
      {"header beyond all files", long_header, "a header of"},
      {"cut in the buffer", file_of(kHeader, std::string(21, '\0')), "of 21 bytes"},
      {"bytes left over", file_of(kHeader, std::string(23, '\0')), "1 bytes belong to no tensor"},
      {"no brace", file_of(" {}", ""), "does not start with '{'"},
      {"no JSON", file_of("{\"a\"", ""), "no JSON"},
      {"text behind", file_of("{}{}", ""), "no JSON"},
      {"not UTF-8", file_of("{\"\xff\":1}", ""), "no JSON"},
      {"a list", with("[]"), "expected an object"},
      {"no dtype", with(R"({"shape":[4],"data_offsets":[0,16]})"), "'dtype'"},
      {"no shape", with(R"({"dtype":"F32","data_offsets":[0,16]})"), "'shape'"},
      {"no offsets", with(R"({"dtype":"F32","shape":[4]})"), "'data_offsets'"},
      {"dtype no string", with(R"({"dtype":32,"shape":[4],"data_offsets":[0,16]})"), "one string as dtype"},
      {"dtype null", with(R"({"dtype":null,"shape":[4],"data_offsets":[0,16]})"), "one string as dtype"},
      {"dtype twice", with(R"({"dtype":"F32","dtype":"F32","shape":[4],"data_offsets":[0,16]})"),
       "one string as dtype"},
      {"shape no list", with(R"({"dtype":"F32","shape":4,"data_offsets":[0,16]})"), "one list as shape"},
      {"elements that fill no whole bytes", with(R"({"dtype":"F4","shape":[31],"data_offsets":[0,16]})"),
       "not those of its shape"},
      {"unknown dtype with offsets beyond", with(R"({"dtype":"F31","shape":[4],"data_offsets":[0,17]})"),
       "data_offsets 0 to 17"},
      {"a null tensor", file_of(R"({"a":null})", ""), "expected an object"},
      {"negative size", with(R"({"dtype":"F32","shape":[-4],"data_offsets":[0,16]})"), "at least 0"},
      {"fraction", with(R"({"dtype":"F32","shape":[4.0],"data_offsets":[0,16]})"), "whole number"},
      {"size beyond int64", with(R"({"dtype":"F32","shape":[9223372036854775808],"data_offsets":[0,16]})"),
       "a size of"},
      {"sizes that overflow to 16 bytes",
       with(R"({"dtype":"F32","shape":[4,4294967296,4294967297],"data_offsets":[0,16]})"),
       "not those of its shape"},
      {"shape of less", with(R"({"dtype":"F32","shape":[3],"data_offsets":[0,16]})"),
       "not those of its shape"},
      {"offsets reversed", with(R"({"dtype":"F32","shape":[4],"data_offsets":[16,0]})"),
       "data_offsets 16 to 0"},
      {"offsets beyond", with(R"({"dtype":"F32","shape":[4],"data_offsets":[4,20]})"),
       "data_offsets 4 to 20"},
      {"offsets three", with(R"({"dtype":"F32","shape":[4],"data_offsets":[0,16,16]})"), "two data_offsets"},
      {"hole before", with(R"({"dtype":"F32","shape":[3],"data_offsets":[4,16]})"), "does not start where"},
      {"overlap",
       file_of(
           R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}})",
           std::string(12, '\0')),
       "does not start where"},
      {"a name twice",
       file_of(
           R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})",
           "x"),
       "occurs twice"},
      {"metadata of numbers", file_of(R"({"__metadata__":{"a":1}})", ""), "expected strings"},
      {"metadata of null", file_of(R"({"__metadata__":{"a":null}})", ""), "expected strings"},
      {"metadata no object", file_of(R"({"__metadata__":1})", ""), "expected an object"},
  };
  for (const Broken& broken : kBroken) {
    try {
      static_cast<void>(parse_safetensors(bytes_of(broken.file)));
      ADD_FAILURE() << broken.name << ": was read";
    } catch (const FormatError& error) {
      EXPECT_NE(std::string(error.what()).find(broken.message), std::string::npos)
          << broken.name << ": " << error.what();
    }
  }
}

// Cut anywhere, with any one byte changed: read, or refused, and never beyond the bytes (which the sanitizers
// see).
TEST(Safetensors, DamageAnywhere) {
  const std::string whole = file_of(kHeader, std::string(22, '\0'));
  for (std::size_t i = 0; i < whole.size(); ++i) {
    const std::vector<char> cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(i));
    EXPECT_THROW(static_cast<void>(parse_safetensors(std::as_bytes(std::span(cut)))), FormatError) << i;
    for (char c : {'\0', '"', '9', '}', '\xff'}) {
      std::vector<char> changed(whole.begin(), whole.end());
      changed[i] = c;
      try {
        static_cast<void>(parse_safetensors(std::as_bytes(std::span(changed))));
      } catch (const FormatError&) {
      }
    }
  }
}

TEST(Safetensors, WritesWhatItReads) {
  const float values[] = {1, -2, 3};
  const std::uint8_t flags[] = {1, 0};
  const SafetensorsTensor tensors[] = {{"z", "F32", {3, 1}, std::as_bytes(std::span(values))},
                                       {"ä \"quoted\"", "U8", {2}, std::as_bytes(std::span(flags))}};
  const std::vector<std::byte> file = write_safetensors(tensors, {{"k", "v"}});
  const Safetensors parsed = parse_safetensors(file);
  ASSERT_EQ(parsed.tensors.size(), 2u);
  EXPECT_EQ(parsed.metadata, (std::map<std::string, std::string>{{"k", "v"}}));
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(parsed.tensors[i].name, tensors[i].name);
    EXPECT_EQ(parsed.tensors[i].shape, tensors[i].shape);
    EXPECT_TRUE(std::ranges::equal(parsed.tensors[i].data, tensors[i].data));
  }
  EXPECT_EQ((parsed.tensors[0].data.data() - file.data()) % 8, 0);
  EXPECT_EQ(write_safetensors(parsed.tensors, parsed.metadata), file);
}

TEST(Safetensors, RefusesToWrite) {
  const float values[] = {1, 2};
  const auto data = std::as_bytes(std::span(values));
  const auto refused = [&](SafetensorsTensor tensor) {
    EXPECT_THROW(static_cast<void>(write_safetensors({&tensor, 1})), InvalidArgument) << tensor.name;
  };
  refused({"__metadata__", "F32", {2}, data});
  refused({"size", "F32", {3}, data});
  refused({"negative", "F32", {-2}, data});
  refused({"dtype", "F33", {2}, data});
  refused({"\xff", "F32", {2}, data});
  const SafetensorsTensor twice[] = {{"a", "F32", {2}, data}, {"a", "F32", {2}, data}};
  EXPECT_THROW(static_cast<void>(write_safetensors(twice)), InvalidArgument);
}

TEST(Safetensors, Files) {
  const std::filesystem::path folder =
      std::filesystem::path(::testing::TempDir()) / ("recur_safetensors_test_" + std::to_string(::getpid()));
  std::filesystem::create_directories(folder);
  const std::vector<std::byte> bytes = write_safetensors({});
  write_safetensors_file(folder / "f.safetensors", bytes);
  EXPECT_EQ(read_safetensors_file(folder / "f.safetensors"), bytes);
  EXPECT_FALSE(std::filesystem::exists(folder / "f.safetensors.part"));
  EXPECT_THROW(static_cast<void>(read_safetensors_file(folder / "absent")), FormatError);
  try {
    static_cast<void>(read_safetensors_file(folder));
    ADD_FAILURE() << "a folder was read";
  } catch (const FormatError& error) {
    EXPECT_EQ(error.what(), folder.string() + ": is a folder, expected a .safetensors file");
  }
  EXPECT_THROW(write_safetensors_file(folder / "absent" / "f", bytes), FormatError);
  // Files of other kinds are known by their first bytes, and named.
  const std::pair<std::string, std::string> kOthers[] = {
      {"# a README\nof 40 bytes, or somewhat more.....\n", "text, which begins with '# a README'"},
      {"{\"a\": [1, 2, 3], \"b\": [4, 5, 6], \"c\": 1}", "text, which begins with '{\"a\": [1, 2, 3]"},
      {"0\xE4\xB8\xAD\xE4\xB8\xAD\xE4\xB8\xAD\xE4\xB8\xAD\xE4\xB8\xAD\xE4\xB8\xAD\xE4\xB8\xAD\xE4\xB8\xAD\xE4"
       "\xB8\xAD\xE4\xB8\xAD\xE4\xB8\xAD",
       "\xE4\xB8\xAD\xE4\xB8\xAD'"},
      {"version https://git-lfs.github.com/spec/v1\n", "a pointer of Git LFS"},
      {"PK\x03\x04 and 40 bytes of other things .......", "a zip archive, as torch.save"},
      {"\x89HDF\r\n\x1a\n and 40 bytes of other things ...", "an HDF5 file"},
      {"\x93NUMPY and 40 bytes of other things .......", "a file of numpy.save"},
      {"GGUF and 40 bytes of other things ............", "a GGUF file"},
      {"\x80\x02}q. and 40 bytes of other things .......", "a Python pickle"},
      {std::string(20, '\xff'), "a header of 18446744073709551615 bytes"},
      {"short", "at least 8 bytes"}};
  for (const auto& [content, message] : kOthers) {
    std::ofstream(folder / "other", std::ios::binary) << content;
    try {
      static_cast<void>(read_safetensors_file(folder / "other"));
      ADD_FAILURE() << message;
    } catch (const FormatError& error) {
      EXPECT_NE(std::string(error.what()).find(message), std::string::npos) << error.what();
      EXPECT_NE(std::string(error.what()).find((folder / "other").string()), std::string::npos);
    }
    try {
      static_cast<void>(parse_safetensors(bytes_of(content)));
      ADD_FAILURE() << message;
    } catch (const FormatError& error) {
      EXPECT_NE(std::string(error.what()).find(message), std::string::npos) << error.what();
    }
  }
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace recur::test
