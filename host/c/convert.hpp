// From the C interface's structs to the library's, with the checks that C++ types would have made.
#pragma once

#include <array>
#include <optional>
#include <vector>

#include "host/validate_job.hpp"
#include "recur/recur.h"
#include "recur/recur.hpp"

namespace recur::host::c {

// Throws InvalidArgument for a null pointer.
template <class E>
E& checked(E* pointer, const char* name) {
  if (pointer == nullptr) throw InvalidArgument(std::string(name) + ": expected a pointer, got null");
  return *pointer;
}
// Also for a negative count; null where the count is 0.
template <class E>
std::span<E> checked_span(E* pointer, std::int64_t count, const char* name) {
  if (count < 0)
    throw InvalidArgument(std::string(name) + ": expected a count of at least 0, got " +
                          std::to_string(count));
  if (count > 0) checked(pointer, name);
  return {pointer, static_cast<std::size_t>(count)};
}
// Also for more than `most`.
template <class E>
std::span<E> checked_span(E* pointer, std::int64_t count, const char* name, std::int64_t most) {
  if (count > most) {
    throw InvalidArgument(std::string(name) + ": expected a count of at most " + std::to_string(most) +
                          ", got " + std::to_string(count));
  }
  return checked_span(pointer, count, name);
}
inline std::span<std::byte> bytes(void* data, std::size_t size) {
  return {static_cast<std::byte*>(data), size};
}
inline std::span<const std::byte> bytes(const void* data, std::size_t size) {
  return {static_cast<const std::byte*>(data), size};
}

Spec spec_of(const recur_spec* from);
// With the size that this library knows.
recur_spec to_c(const Spec& from);
Options options_of(const recur_options* from);  // null: the defaults
// Without the callback.
recur_options to_c(const Options& from);
DeviceProps props_of(const recur_device_props* from);
TensorView view_of(const recur_tensor& from, const char* name);
std::vector<TensorView> views_of(std::span<const recur_tensor> from, const char* name);
BasicLayerWeights<TensorView> layer_of(const recur_layer_weights& from);
// Layers of weights or gradients, without memory of their own from the heap: calls allocate nothing.
template <class View>
class Layers {
 public:
  // Throws InvalidArgument for a null pointer, and for more layers than any Spec may have.
  Layers(const recur_layer_weights* from, std::int64_t count, const char* name)
      : count_(static_cast<std::size_t>(count)) {
    const auto layers = checked_span(from, count, name, kMaxLayers);
    for (std::size_t i = 0; i < count_; ++i) {
      const BasicLayerWeights<TensorView> layer = layer_of(layers[i]);
      layers_[i] = {layer.W, layer.R, layer.bW, layer.bR, layer.peephole, layer.projection};
    }
  }
  std::span<const BasicLayerWeights<View>> span() const { return {layers_.data(), count_}; }

 private:
  std::array<BasicLayerWeights<View>, kMaxLayers> layers_;
  std::size_t count_;
};
using WeightLayers = Layers<ConstTensorView>;
using GradientLayers = Layers<TensorView>;

// The view of the forest is kept in `forest`, here and below.
ForwardArgs forward_args_of(const recur_forward_args* from, std::optional<Forest>& forest);
StepArgs step_args_of(const recur_step_args* from);
// The caller's feed is kept in `kept`, which must outlive every call of the result's.
GenerateArgs generate_args_of(const recur_generate_args* from, recur_generate_args& kept);
// The views of dweights are kept in `gradients`.
BackwardArgs backward_args_of(const recur_backward_args* from, std::optional<GradientLayers>& gradients,
                              std::optional<Forest>& forest);
WeightFormat format_of(std::int32_t from);
StateDictOptions state_dict_options_of(const recur_state_dict_options* from);  // null: the defaults

OnnxAttributes onnx_attributes_of(const recur_onnx_attributes* from);
OnnxInputs onnx_inputs_of(const recur_onnx_inputs* from);
OnnxOutputs onnx_outputs_of(const recur_onnx_outputs* from);
// What store_onnx_y reads.
OnnxLayer onnx_layer_of(const recur_onnx_layer* from);
// Checks all structs that it writes to before it writes any of them.
void set_onnx_layer(recur_onnx_layer* to, const OnnxLayer& from);

}  // namespace recur::host::c
