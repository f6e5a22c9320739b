/// @file
/// A test of ONNX's own for one operator, from the folder where Debian has it.
#pragma once

#include <onnx/onnx_pb.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "recur/onnx.hpp"
#include "support/aligned.hpp"

namespace recur::test {

/// A dense tensor; none where the node leaves it out.
struct OnnxTensor {
  std::vector<std::int64_t> shape;
  DataType type = DataType::f32;
  Aligned<std::byte> bytes;

  template <class View>
  View view() {
    void* const data = bytes.data();
    switch (shape.size()) {
      case 0: return {};
      case 1: return View(data, type, {shape[0]});
      case 2: return View(data, type, {shape[0], shape[1]});
      case 3: return View(data, type, {shape[0], shape[1], shape[2]});
      default: return View(data, type, {shape[0], shape[1], shape[2], shape[3]});
    }
  }
  std::vector<float> values() const {
    std::vector<float> result(bytes.size() / sizeof(float));
    std::memcpy(result.data(), bytes.data(), bytes.size());
    return result;
  }
};

/// The node, what goes in and what must come out, each by its place in the operator's lists.
struct OnnxNode {
  OnnxAttributes attributes;
  std::vector<OnnxTensor> inputs = std::vector<OnnxTensor>(8);
  std::vector<OnnxTensor> outputs = std::vector<OnnxTensor>(3);

  OnnxInputs input_views() {
    const auto view = [&](std::size_t i) { return inputs.at(i).view<ConstTensorView>(); };
    return {view(0), view(1), view(2), view(3), view(4), view(5), view(6), view(7)};
  }
};

namespace detail {

template <class Message>
Message read_message(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  Message message;
  if (!file || !message.ParseFromIstream(&file)) throw std::runtime_error(path.string() + " cannot be read");
  return message;
}

inline OnnxTensor read_tensor(const std::filesystem::path& path) {
  const auto proto = read_message<onnx::TensorProto>(path);
  OnnxTensor tensor;
  tensor.shape.assign(proto.dims().begin(), proto.dims().end());
  if (proto.data_type() == onnx::TensorProto::INT32) {
    tensor.type = DataType::i32;
  } else if (proto.data_type() != onnx::TensorProto::FLOAT) {
    throw std::runtime_error(path.string() + ": expected float or int32");
  }
  std::size_t size = size_of(tensor.type);
  for (std::int64_t dim : tensor.shape) size *= static_cast<std::size_t>(dim);
  if (proto.raw_data().size() != size) throw std::runtime_error(path.string() + ": expected raw data");
  tensor.bytes = Aligned<std::byte>(size);
  std::memcpy(tensor.bytes.data(), proto.raw_data().data(), size);
  return tensor;
}

inline void read_attribute(const onnx::AttributeProto& attribute, OnnxAttributes& to) {
  const std::string& name = attribute.name();
  if (name == "hidden_size") {
    to.hidden_size = attribute.i();
  } else if (name == "direction") {
    to.direction = attribute.s();
  } else if (name == "layout") {
    to.layout = attribute.i();
  } else if (name == "linear_before_reset") {
    to.linear_before_reset = attribute.i();
  } else if (name == "input_forget") {
    to.input_forget = attribute.i();
  } else if (name == "activations") {
    to.activations.assign(attribute.strings().begin(), attribute.strings().end());
  } else if (name == "activation_alpha") {
    to.activation_alpha.assign(attribute.floats().begin(), attribute.floats().end());
  } else if (name == "activation_beta") {
    to.activation_beta.assign(attribute.floats().begin(), attribute.floats().end());
  } else if (name == "clip") {
    to.clip = attribute.f();
  } else {
    throw std::runtime_error("attribute " + name);
  }
}

// The files are numbered past what the node leaves out, which has an empty name.
template <class Names>
void read_tensors(const Names& names, const std::filesystem::path& prefix, std::vector<OnnxTensor>& to) {
  int number = 0;
  for (int i = 0; i < names.size(); ++i) {
    if (names[i].empty()) continue;
    to.at(static_cast<std::size_t>(i)) = read_tensor(prefix.string() + std::to_string(number++) + ".pb");
  }
}

}  // namespace detail

/// @param folder  has model.onnx of one node and test_data_set_0
inline OnnxNode read_onnx_node(const std::filesystem::path& folder) {
  const auto model = detail::read_message<onnx::ModelProto>(folder / "model.onnx");
  if (model.graph().node_size() != 1) throw std::runtime_error(folder.string() + ": expected one node");
  const onnx::NodeProto& proto = model.graph().node(0);
  OnnxNode node;
  node.attributes.op_type = proto.op_type();
  for (const onnx::AttributeProto& attribute : proto.attribute()) {
    detail::read_attribute(attribute, node.attributes);
  }
  detail::read_tensors(proto.input(), folder / "test_data_set_0" / "input_", node.inputs);
  detail::read_tensors(proto.output(), folder / "test_data_set_0" / "output_", node.outputs);
  return node;
}

}  // namespace recur::test
