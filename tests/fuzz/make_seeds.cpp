// make_seeds FOLDER: writes small valid inputs for every fuzzer, FOLDER/<fuzzer>/<name>.
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>

#include "lac_tagger/paddle_file.hpp"

namespace {

namespace fs = std::filesystem;
using recur::test::PaddleFile;

bool write(const fs::path& folder, const std::string& name, const std::string& content) {
  fs::create_directories(folder);
  std::ofstream file(folder / name, std::ios::binary);
  file << content;
  return static_cast<bool>(file.flush());
}

bool write_all(const fs::path& corpus) {
  const std::string level = PaddleFile::number<8>(1) + PaddleFile::number<8>(8) + std::string(8, '\0');
  const fs::path paddle = corpus / "fuzz_paddle";
  const fs::path tensors = corpus / "fuzz_safetensors";
  const fs::path text = corpus / "fuzz_text";
  const auto safetensors = [](const std::string& header, std::size_t bytes) {
    return PaddleFile::number<8>(header.size()) + header + std::string(bytes, 'x');
  };
  return write(paddle, "vector", PaddleFile::make({3})) &&
         write(paddle, "matrix", PaddleFile::make({2, 3})) &&
         write(paddle, "long", PaddleFile::make({300})) &&
         write(paddle, "packed", PaddleFile::make({2, 3}, true)) &&
         write(paddle, "lod", PaddleFile::with_description(PaddleFile::description(5, {2}), 2, level)) &&
         write(tensors, "empty", safetensors("{}", 0)) &&
         write(tensors, "two",
               safetensors(
                   R"({"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},)"
                   R"("b":{"dtype":"BF16","shape":[],"data_offsets":[24,26]},"__metadata__":{"k":"v"}})",
                   26)) &&
         write(text, "dictionary", "0\ta-B\n1\ta-I\n2\tO\n20940\tOOV\n") &&
         write(text, "sentence",
               "他说：“好！”百度是一家高科技公司，在北京。\xF0\xA0\xAE\xB7 Hello; world\n") &&
         write(text, "edges",
               "\x7F\xC2\x80\xDF\xBF\xE0\xA0\x80\xED\x9F\xBF\xEE\x80\x80\xF0\x90\x80\x80\xF4\x8F\xBF\xBF");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: make_seeds FOLDER\n";
    return 2;
  }
  if (!write_all(argv[1])) {
    std::cerr << "make_seeds: cannot write to " << argv[1] << "\n";
    return 1;
  }
  return 0;
}
