#include <algorithm>
#include <set>

#include "host/out_of_memory.hpp"
#include "host/weights/convert_elements.hpp"
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

// The first few of some names, in quotes.
std::string list_of(const std::vector<std::string>& names) {
  constexpr std::size_t kMost = 8;
  std::string text;
  for (std::size_t i = 0; i < std::min(names.size(), kMost); ++i)
    text += (i == 0 ? "'" : ", '") + names[i] + "'";
  if (names.size() > kMost) text += " and " + std::to_string(names.size() - kMost) + " more";
  return text;
}

// What PyTorch's cells call the tensor that is called `name` in the first layer of a stack, where they have
// it.
std::string_view cell_name(std::string_view name) {
  constexpr std::string_view kNumber = "_l0";
  return name.ends_with(kNumber) ? name.substr(0, name.size() - kNumber.size()) : std::string_view();
}

// Says what there is in place of a tensor: prefixes that would do, or names.
[[noreturn]] void missing(const Safetensors& from, std::string_view prefix, std::string_view name) {
  std::vector<std::string> prefixes, names;
  for (const SafetensorsTensor& tensor : from.tensors) {
    names.push_back(tensor.name);
    for (std::string_view one : {name, cell_name(name)}) {
      if (!one.empty() && tensor.name.ends_with(one))
        prefixes.push_back(tensor.name.substr(0, tensor.name.size() - one.size()));
    }
  }
  const std::string what = "state_dict: there is no tensor '" + std::string(prefix) + std::string(name) + "'";
  if (names.empty()) throw FormatError(what + "; the file has none");
  if (prefixes.empty()) throw FormatError(what + "; the file has " + list_of(names));
  throw FormatError(what + "; with another prefix the file has it: " + list_of(prefixes));
}

// The name that the file has for a tensor of PyTorch's layers, of which a cell is one.
std::string name_in_file(const Spec& spec, const Safetensors& from, std::string_view prefix,
                         const std::string& name) {
  const bool may_be_cell = spec.layers == 1 && directions_of(spec) == 1;
  std::string full = std::string(prefix) + name;
  if (!may_be_cell || from.find(full) != nullptr) return full;
  std::string cell = std::string(prefix) + std::string(cell_name(name));
  return from.find(cell) == nullptr ? full : cell;
}

// Tensors of the module at the prefix that were not read: those of modules inside it have dots in the rest of
// their names.
void refuse_unread(const Spec& spec, const Safetensors& from, std::string_view prefix,
                   const std::set<std::string>& read) {
  std::vector<std::string> unread;
  for (const SafetensorsTensor& tensor : from.tensors) {
    if (!tensor.name.starts_with(prefix) || read.contains(tensor.name)) continue;
    if (tensor.name.find('.', prefix.size()) == std::string::npos) unread.push_back(tensor.name);
  }
  if (unread.empty()) return;
  throw FormatError("state_dict: no layer reads " + list_of(unread) + ": expected those of L=" +
                    std::to_string(spec.layers) + ", " + std::string(name_of(spec.direction)) + ", bias " +
                    std::string(name_of(spec.bias)) + "; an import that is not strict leaves them alone");
}

// Copied and converted, since a file has its tensors at any address and in types of its own.
void read(const SafetensorsTensor& tensor, const FormatTensor& wanted, DataType type,
          std::span<std::byte> to) {
  const std::optional<DataType> stored = type_of_safetensors(tensor.dtype);
  if (!stored || !host::is_floating_point(*stored) || tensor.shape != wanted.shape) {
    throw FormatError("state_dict: " + tensor.name + ": expected " +
                      text_of(safetensors_dtype(type), wanted.shape) + ", got " +
                      text_of(tensor.dtype, tensor.shape));
  }
  if (const auto beyond = host::convert_elements(*stored, tensor.data, type, to)) {
    throw FormatError("state_dict: " + tensor.name + ": element " + std::to_string(*beyond) + " is " +
                      std::to_string(host::element_of(*stored, tensor.data, *beyond)) + ", beyond what " +
                      std::string(safetensors_dtype(type)) + " has");
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
                       std::span<const BasicLayerWeights<TensorView>> to, const StateDictOptions& options) {
  host::with_memory("state_dict", [&] {
    check_layers(spec, to.size());
    std::vector<Staged> layers;
    std::set<std::string> read_names;
    for (std::int64_t layer = 0; layer < spec.layers; ++layer) {
      Staged& staged = layers.emplace_back(spec, layer);
      for (std::size_t i = 0; i < staged.tensors.size(); ++i) {
        const FormatTensor& wanted = staged.tensors[i];
        const std::string name = name_in_file(spec, from, prefix, wanted.name);
        const SafetensorsTensor* const tensor = from.find(name);
        if (tensor == nullptr) missing(from, prefix, wanted.name);
        read(*tensor, wanted, spec.dtype, staged.bytes[i]);
        read_names.insert(name);
      }
    }
    if (options.strict) refuse_unread(spec, from, prefix, read_names);
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
