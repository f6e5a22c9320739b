// run_onnx_nodes FOLDER...: runs nodes, each from a folder as ONNX's own node tests have (model.onnx and
// test_data_set_0), on the CPU engine. Output K goes to FOLDER/ours_K.f32, as bytes.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include "conformance/onnx_node.hpp"
#include "conformance/onnx_run.hpp"
#include "peers/run_folders.hpp"

namespace recur::test {
namespace {

void run_folder(const std::filesystem::path& folder) {
  OnnxNode node = read_onnx_node(folder);
  std::vector<OnnxTensor> ours(node.outputs.size());
  for (std::size_t i = 0; i < ours.size(); ++i) {
    ours[i].shape = node.outputs[i].shape;
    ours[i].bytes = Aligned<std::byte>(node.outputs[i].bytes.size());
  }
  run_onnx(cpu_device(), node.attributes, node.input_views(),
           {ours[0].view<TensorView>(), ours[1].view<TensorView>(), ours[2].view<TensorView>()});
  int number = 0;
  for (const OnnxTensor& output : ours) {
    if (output.shape.empty()) continue;
    std::ofstream file(folder / ("ours_" + std::to_string(number++) + ".f32"), std::ios::binary);
    file.write(reinterpret_cast<const char*>(output.bytes.data()),
               static_cast<std::streamsize>(output.bytes.size()));
    if (!file.flush()) throw std::runtime_error("an output cannot be written");
  }
}

}  // namespace
}  // namespace recur::test

int main(int argc, char** argv) { return recur::test::run_folders(argc, argv, recur::test::run_folder); }
