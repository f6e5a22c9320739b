// Files of tensors: what is written is read again, what is damaged is refused, and a module's state_dict
// becomes weights.
#include "recur/safetensors.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <fstream>

#include "recur/error.hpp"
#include "recur/weight_formats.hpp"

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

struct Broken {
  const char* name;
  std::string file;
  const char* message;
};

std::string with(const std::string& tensor, std::size_t bytes = 16) {
  return file_of(R"({"a":)" + tensor + "}", std::string(bytes, '\0'));
}

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
      {"dtype of another world", with(R"({"dtype":"F31","shape":[4],"data_offsets":[0,16]})"),
       "unknown dtype"},
      {"dtype no string", with(R"({"dtype":32,"shape":[4],"data_offsets":[0,16]})"), "unknown dtype"},
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
  EXPECT_THROW(write_safetensors_file(folder / "absent" / "f", bytes), FormatError);
  std::filesystem::remove_all(folder);
}

// A stack of both directions in memory of the test's.
struct Model {
  Spec spec;
  std::vector<std::vector<float>> memory;
  std::vector<BasicLayerWeights<TensorView>> layers;

  Model() {
    spec.input_size = 3;
    spec.hidden_size = 4;
    spec.layers = 2;
    spec.direction = Direction::bidirectional;
    memory.reserve(8);
    for (std::int64_t layer = 0; layer < 2; ++layer) {
      const std::int64_t K = layer_input_size(spec, layer);
      layers.push_back({take({2, 16, K}), take({2, 16, 4}), take({2, 16}), take({2, 16}), {}, {}});
    }
  }
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  std::vector<LayerWeights> weights() const {
    std::vector<LayerWeights> result;
    for (const auto& layer : layers) result.push_back({layer.W, layer.R, layer.bW, layer.bR, {}, {}});
    return result;
  }

 private:
  TensorView take(std::initializer_list<std::int64_t> shape) {
    std::size_t count = 1;
    for (std::int64_t size : shape) count *= static_cast<std::size_t>(size);
    // 64 bytes of room to align in.
    std::vector<float>& tensor = memory.emplace_back(count + 16, -1.0f);
    auto address = reinterpret_cast<std::uintptr_t>(tensor.data());
    return TensorView(reinterpret_cast<float*>((address + 63) / 64 * 64), shape);
  }
};

TEST(StateDict, ThereAndBack) {
  Model from, to;
  for (auto& tensor : from.memory) {
    for (std::size_t i = 0; i < tensor.size(); ++i) tensor[i] = static_cast<float>(i) + 0.5f;
  }
  const std::vector<std::byte> file = export_state_dict(from.spec, from.weights(), "encoder.");
  const Safetensors parsed = parse_safetensors(file);
  ASSERT_EQ(parsed.tensors.size(), 16u);
  ASSERT_NE(parsed.find("encoder.weight_ih_l1_reverse"), nullptr);
  EXPECT_EQ(parsed.find("encoder.weight_ih_l1_reverse")->shape, (std::vector<std::int64_t>{16, 8}));
  EXPECT_EQ(parsed.metadata.at("format"), "pt") << "or Python's transformers do not load it";

  import_state_dict(to.spec, parsed, "encoder.", to.layers);
  EXPECT_EQ(export_state_dict(to.spec, to.weights(), "encoder."), file);
}

TEST(StateDict, WhatDoesNotFit) {
  Model from, to;
  const std::vector<std::byte> file = export_state_dict(from.spec, from.weights());
  const Safetensors parsed = parse_safetensors(file);
  const auto refused = [&](const Spec& spec, const Safetensors& tensors, const std::string& message) {
    try {
      import_state_dict(spec, tensors, "", to.layers);
      ADD_FAILURE() << message;
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find(message), std::string::npos) << error.what();
    }
    for (const auto& tensor : to.memory) {
      for (float value : tensor) ASSERT_EQ(value, -1.0f) << "written to";
    }
  };
  Safetensors missing = parsed;
  std::erase_if(missing.tensors, [](const auto& tensor) { return tensor.name == "bias_hh_l1_reverse"; });
  refused(to.spec, missing, "there is no tensor 'bias_hh_l1_reverse'");
  Spec other = to.spec;
  other.dtype = DataType::f64;
  refused(other, parsed, "weight_ih_l0: expected F64 [16] [3], got F32 [16] [3]");
  other = to.spec;
  other.hidden_size = 5;
  refused(other, parsed, "weight_ih_l0: expected F32 [20] [3], got F32 [16] [3]");
  other = to.spec;
  other.layers = 3;
  refused(other, parsed, "expected L=3 layers, got 2");
  other = to.spec;
  other.peepholes = true;
  refused(other, parsed, "pytorch weights: there are no peepholes");
}

}  // namespace
}  // namespace recur::test
