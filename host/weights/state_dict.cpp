#include <cstring>

#include "host/out_of_memory.hpp"
#include "recur/safetensors.hpp"
#include "recur/weight_formats.hpp"

namespace recur {
namespace {

constexpr WeightFormat kFormat = WeightFormat::pytorch;

// A view over dense memory of a shape that is known at run time.
template <class Pointer>
BasicTensorView<Pointer> dense_view(Pointer data, DataType type, const std::vector<std::int64_t>& shape) {
  if (shape.size() == 1) return {data, type, {shape[0]}};
  return {data, type, {shape[0], shape[1]}};
}

std::string text_of(std::string_view dtype, const std::vector<std::int64_t>& shape) {
  std::string text(dtype);
  for (std::int64_t size : shape) text += " [" + std::to_string(size) + "]";
  return text;
}

void check_layers(const Spec& spec, std::size_t count) {
  if (count != static_cast<std::size_t>(spec.layers)) {
    throw InvalidArgument("weights: expected L=" + std::to_string(spec.layers) + " layers, got " +
                          std::to_string(count));
  }
}

// Memory for the tensors of a layer, aligned as elements are.
struct Staged {
  std::vector<FormatTensor> tensors;
  std::vector<std::vector<std::byte>> bytes;

  Staged(const Spec& spec, std::int64_t layer) : tensors(format_tensors(kFormat, spec, layer)) {
    for (const FormatTensor& tensor : tensors) {
      std::size_t size = size_of(spec.dtype);
      for (std::int64_t dim : tensor.shape) size *= static_cast<std::size_t>(dim);
      bytes.emplace_back(size);
    }
  }
  template <class View>
  std::vector<View> views(DataType type) {
    std::vector<View> result;
    result.reserve(tensors.size());
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      result.push_back(dense_view(static_cast<void*>(bytes[i].data()), type, tensors[i].shape));
    }
    return result;
  }
};

}  // namespace

void import_state_dict(const Spec& spec, const Safetensors& from, std::string_view prefix,
                       std::span<const BasicLayerWeights<TensorView>> to) {
  host::with_memory("state_dict", [&] {
    check_layers(spec, to.size());
    std::vector<Staged> layers;
    for (std::int64_t layer = 0; layer < spec.layers; ++layer) {
      Staged& staged = layers.emplace_back(spec, layer);
      for (std::size_t i = 0; i < staged.tensors.size(); ++i) {
        const FormatTensor& wanted = staged.tensors[i];
        const std::string name = std::string(prefix) + wanted.name;
        const SafetensorsTensor* const tensor = from.find(name);
        if (tensor == nullptr) throw FormatError("state_dict: there is no tensor '" + name + "'");
        if (tensor->dtype != safetensors_dtype(spec.dtype) || tensor->shape != wanted.shape) {
          throw FormatError("state_dict: " + name + ": expected " +
                            text_of(safetensors_dtype(spec.dtype), wanted.shape) + ", got " +
                            text_of(tensor->dtype, tensor->shape));
        }
        // Copied, since a file has its tensors at any address.
        std::memcpy(staged.bytes[i].data(), tensor->data.data(), tensor->data.size());
      }
    }
    for (std::int64_t layer = 0; layer < spec.layers; ++layer) {
      const auto i = static_cast<std::size_t>(layer);
      import_weights(kFormat, spec, layer, layers[i].views<ConstTensorView>(spec.dtype), to[i]);
    }
  });
}

std::vector<std::byte> export_state_dict(const Spec& spec, std::span<const LayerWeights> from,
                                         std::string_view prefix) {
  return host::with_memory("state_dict", [&] {
    check_layers(spec, from.size());
    std::vector<Staged> layers;
    std::vector<SafetensorsTensor> tensors;
    for (std::int64_t layer = 0; layer < spec.layers; ++layer) {
      Staged& staged = layers.emplace_back(spec, layer);
      export_weights(kFormat, spec, layer, from[static_cast<std::size_t>(layer)],
                     staged.views<TensorView>(spec.dtype));
      for (std::size_t i = 0; i < staged.tensors.size(); ++i) {
        tensors.push_back({std::string(prefix) + staged.tensors[i].name,
                           std::string(safetensors_dtype(spec.dtype)), staged.tensors[i].shape,
                           staged.bytes[i]});
      }
    }
    return write_safetensors(tensors, {{"format", "pt"}});
  });
}

}  // namespace recur
