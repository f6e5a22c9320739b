// Runs a node of a real model: onnx_file FILE, a .safetensors file that `extract` beside this wrote of an
// .onnx file: the node's attributes as metadata, its inputs under ONNX's names, and as Y, Y_h, Y_c what ONNX
// Runtime gives. Prints how far ours are from these.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <deque>
#include <exception>
#include <string>

#include "recur/recur.hpp"

using namespace recur;

int main(int argc, char** argv) try {
  if (argc != 2) return std::fputs("usage: onnx_file FILE\n", stderr), 2;
  const std::vector<std::byte> bytes = read_safetensors_file(argv[1]);
  const Safetensors file = parse_safetensors(bytes);

  // A tensor in memory that is aligned, as the file's need not be; not given where the node has none.
  std::deque<Tensor> memory;
  const auto tensor = [&](const char* name) -> TensorView {
    const SafetensorsTensor* found = file.find(name);
    if (found == nullptr) return {};
    TensorShape shape;
    for (const std::int64_t size : found->shape)
      shape.sizes.at(static_cast<std::size_t>(shape.rank++)) = size;
    TensorView view = memory.emplace_back(shape, type_of_safetensors(found->dtype).value()).view();
    if (!found->data.empty()) std::memcpy(view.data(), found->data.data(), found->data.size());
    return view;
  };
  OnnxAttributes attributes;
  attributes.op_type = file.metadata.at("op_type");
  if (file.metadata.contains("direction")) attributes.direction = file.metadata.at("direction");
  if (file.metadata.contains("linear_before_reset"))
    attributes.linear_before_reset = std::stoll(file.metadata.at("linear_before_reset"));
  const OnnxInputs inputs{
      tensor("X"),         tensor("W"),         tensor("R"), tensor("B"), tensor("sequence_lens"),
      tensor("initial_h"), tensor("initial_c"), tensor("P")};
  const OnnxOutputs outputs{tensor("Y"), tensor("Y_h"), tensor("Y_c")};  // to be overwritten
  const OnnxLayer layer = onnx_layer(attributes, inputs, outputs);

  LayerTensors weights(layer.spec);
  import_weights(WeightFormat::onnx, layer.spec, 0, layer.weights, weights.writable()[0]);
  const Device device = Device::cpu();
  const Plan plan = make_plan(layer.spec, layer.shape, device);
  Context context(device);
  Buffer workspace(plan.sizes().workspace);
  ForwardArgs args = layer.args;
  Tensor y({layer.shape.steps, layer.shape.batch, directions_of(layer.spec) * layer.spec.hidden_size});
  if (!args.y.given()) args.y = y.view();
  forward(plan, context, Stream(), weights.weights(), args, workspace);
  if (!layer.args.y.given() && layer.Y.given()) store_onnx_y(layer, y.view());

  // Of each output, relative to its largest value: sums of some hundred products in another order differ by
  // as much.
  float furthest = 0;
  for (const auto& [name, view] : {std::pair{"Y", outputs.Y}, {"Y_h", outputs.Y_h}, {"Y_c", outputs.Y_c}}) {
    const SafetensorsTensor* theirs = file.find(name);
    if (theirs == nullptr) continue;
    float difference = 0, largest = 0;
    for (std::size_t i = 0; i < theirs->data.size() / sizeof(float); ++i) {
      float expected = 0;
      std::memcpy(&expected, theirs->data.data() + i * sizeof(float), sizeof expected);
      const float error = std::abs(static_cast<const float*>(view.data())[i] - expected);
      if (!(error <= difference)) difference = error;  // also where it is not a number
      largest = std::max(largest, std::abs(expected));
    }
    std::printf("%s: furthest from ONNX Runtime's %.1e, values up to %.1e\n", name,
                static_cast<double>(difference), static_cast<double>(largest));
    if (!(difference / largest <= furthest)) furthest = difference / largest;
  }
  return furthest < 1e-5f ? 0 : 1;
} catch (const std::exception& error) {
  std::fprintf(stderr, "onnx_file: %s\n", error.what());
  return 1;
}
