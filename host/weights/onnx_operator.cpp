#include <algorithm>
#include <cstring>

#include "host/check.hpp"
#include "host/out_of_memory.hpp"
#include "host/validate_job.hpp"
#include "host/weights/format_table.hpp"
#include "host/weights/onnx_attributes.hpp"

namespace recur {
namespace host {
namespace {

// Sizes of a node, and where its layout puts them.
class Node {
 public:
  Node(const Spec& spec, const Shape& shape)
      : spec_(spec),
        batch_major_(spec.layout == Layout::batch_major),
        T_{"T", shape.steps},
        B_{"B", shape.batch} {}

  // A state [D][B][H] or [B][D][H] as [1][D][B][H]. `check` is check_view or check_output.
  template <class View, class Check>
  View state(std::string_view name, const View& view, Check&& check) const {
    if (!view.given()) return {};
    const Dim& outer = batch_major_ ? B_ : D_;
    const Dim& inner = batch_major_ ? D_ : B_;
    check(name, view, spec_.dtype, {outer, inner, H_});
    const int direction = batch_major_ ? 1 : 0;
    return View(view.data(), view.type(), {1, D_.size, B_.size, H_.size},
                {D_.size * B_.size * H_.size, view.stride(direction), view.stride(1 - direction), 1});
  }

  void check_X(const ConstTensorView& X) const {
    check_view("X", X, spec_.dtype, {outer_row(), inner_row(), {"I", spec_.input_size}});
  }

  void check_lengths(const ConstTensorView& lengths) const {
    if (lengths.given()) check_view("sequence_lens", lengths, DataType::i32, {B_});
  }

  // Y [T][D][B][H] or [B][T][D][H].
  void check_Y(const TensorView& Y) const {
    const Dim& second = batch_major_ ? T_ : D_;
    const Dim& third = batch_major_ ? D_ : B_;
    check_output("Y", Y, spec_.dtype, {outer_row(), second, third, H_});
  }

  // Y as y, where the halves of a row lie side by side; else nothing.
  TensorView y(const TensorView& Y) const {
    if (!Y.given() || (D_.size > 1 && direction_stride(Y) != H_.size)) return {};
    return TensorView(Y.data(), Y.type(), {outer_row().size, inner_row().size, D_.size * H_.size},
                      {Y.stride(0), row_stride(Y), 1});
  }

  void check_y(const ConstTensorView& y) const {
    check_view("y", y, spec_.dtype, {outer_row(), inner_row(), {"D*H", D_.size * H_.size}});
  }

  void move(const ConstTensorView& y, const TensorView& Y) const {
    const std::size_t width = size_of(spec_.dtype);
    const auto* const from = static_cast<const std::byte*>(y.data());
    auto* const to = static_cast<std::byte*>(Y.data());
    for (std::int64_t outer = 0; outer < outer_row().size; ++outer) {
      for (std::int64_t inner = 0; inner < inner_row().size; ++inner) {
        for (std::int64_t d = 0; d < D_.size; ++d) {
          const std::int64_t source = outer * y.stride(0) + inner * y.stride(1) + d * H_.size;
          const std::int64_t place = outer * Y.stride(0) + inner * row_stride(Y) + d * direction_stride(Y);
          std::memcpy(to + static_cast<std::size_t>(place) * width,
                      from + static_cast<std::size_t>(source) * width,
                      static_cast<std::size_t>(H_.size) * width);
        }
      }
    }
  }

 private:
  // Rows of y are [T][B] or [B][T].
  const Dim& outer_row() const { return batch_major_ ? B_ : T_; }
  const Dim& inner_row() const { return batch_major_ ? T_ : B_; }
  std::int64_t row_stride(const TensorView& Y) const { return Y.stride(batch_major_ ? 1 : 2); }
  std::int64_t direction_stride(const TensorView& Y) const { return Y.stride(batch_major_ ? 2 : 1); }

  const Spec& spec_;
  bool batch_major_;
  Dim T_, B_;
  Dim D_{"D", directions_of(spec_)}, H_{"H", spec_.hidden_size};
};

// Where sizes are read from. X may have no steps or sequences; nothing else is empty.
void check_sizes(std::string_view name, std::string_view letters, const ConstTensorView& view,
                 std::int64_t least_outer = 1) {
  bool fits = view.given() && view.rank() == 3;
  for (int d = 0; fits && d < 3; ++d) fits = view.size(d) >= (d == 2 ? 1 : least_outer);
  if (!fits) {
    throw InvalidArgument(
        std::string(name) + ": expected " + std::string(letters) + " with " +
        (least_outer == 0 ? "T and B of at least 0 and I of at least 1" : "sizes of at least 1") + ", got " +
        describe(view));
  }
}

// T and B of X.
Shape sizes_of_X(const Spec& spec, const ConstTensorView& X) {
  const bool batch_major = spec.layout == Layout::batch_major;
  return {X.size(batch_major ? 1 : 0), X.size(batch_major ? 0 : 1)};
}
// A plan has at least one step and one sequence.
Shape to_plan(const Shape& sizes) {
  return {std::max<std::int64_t>(sizes.steps, 1), std::max<std::int64_t>(sizes.batch, 1)};
}

bool is_floating_point(DataType type) { return type != DataType::i32 && type != DataType::u8; }

// Sizes, dtype, and which optional tensors there are.
void read_inputs(const OnnxAttributes& attributes, const OnnxInputs& inputs, OnnxLayer& layer) {
  Spec& spec = layer.spec;
  const bool batch_major = spec.layout == Layout::batch_major;
  check_sizes("X", batch_major ? "[B][T][I]" : "[T][B][I]", inputs.X, 0);
  if (!is_floating_point(inputs.X.type())) {
    throw InvalidArgument("X: expected a floating-point type, got " + describe(inputs.X));
  }
  spec.dtype = inputs.X.type();
  spec.input_size = inputs.X.size(2);
  layer.shape = to_plan(sizes_of_X(spec, inputs.X));
  if (!attributes.hidden_size) check_sizes("R", "[D][G*H][H]", inputs.R);
  spec.hidden_size = attributes.hidden_size ? *attributes.hidden_size : inputs.R.size(2);
  if (spec.hidden_size < 1) {
    throw InvalidArgument("hidden_size: expected at least 1, got " + std::to_string(spec.hidden_size));
  }
  spec.bias = inputs.B.given() ? Bias::both : Bias::none;
  spec.variable_lengths = inputs.sequence_lens.given();
  spec.peepholes = inputs.P.given();
}

void check_lstm_only(const OnnxAttributes& attributes, const OnnxInputs& inputs, const OnnxOutputs& outputs) {
  const std::string why = "it belongs to LSTM, the operator is " + attributes.op_type;
  check_not_given("initial_c", inputs.initial_c, why);
  check_not_given("P", inputs.P, why);
  check_not_given("Y_c", outputs.Y_c, why);
}

OnnxLayer layer_of(const OnnxAttributes& attributes, const OnnxInputs& inputs, const OnnxOutputs& outputs) {
  OnnxLayer layer;
  layer.spec = read_attributes(attributes);
  if (layer.spec.cell != Cell::lstm) check_lstm_only(attributes, inputs, outputs);
  read_inputs(attributes, inputs, layer);
  for (const ConstTensorView& view : {inputs.W, inputs.R, inputs.B, inputs.P}) {
    if (view.given() || layer.weights.size() < 2) layer.weights.push_back(view);
  }
  validate_job({layer.spec, layer.shape, Device::cpu().props(), {}});
  check_format_tensors(WeightFormat::onnx, layer.spec, 0, layer.weights);

  const Node node(layer.spec, sizes_of_X(layer.spec, inputs.X));
  node.check_X(inputs.X);
  node.check_lengths(inputs.sequence_lens);
  if (outputs.Y.given()) node.check_Y(outputs.Y);
  layer.Y = outputs.Y;
  layer.args.x = inputs.X;
  layer.args.lengths = inputs.sequence_lens;
  layer.args.check_lengths = inputs.sequence_lens.given();
  layer.args.h0 = node.state("initial_h", inputs.initial_h, check_view);
  layer.args.c0 = node.state("initial_c", inputs.initial_c, check_view);
  layer.args.y = node.y(outputs.Y);
  layer.args.hN = node.state("Y_h", outputs.Y_h, check_output);
  layer.args.cN = node.state("Y_c", outputs.Y_c, check_output);
  return layer;
}

// Y [T][D][B][H] or [B][T][D][H] of a node whose X has no steps or no sequences, which its shape does not
// say.
Shape sizes_of_Y(const OnnxLayer& layer) {
  const bool batch_major = layer.spec.layout == Layout::batch_major;
  return {layer.Y.size(batch_major ? 1 : 0), layer.Y.size(batch_major ? 0 : 2)};
}
bool has_no_rows(const OnnxLayer& layer) {
  if (layer.Y.rank() != 4) return false;
  const Shape sizes = sizes_of_Y(layer);
  return sizes.steps == 0 || sizes.batch == 0;
}

void store_y(const OnnxLayer& layer, const ConstTensorView& y) {
  validate_job({layer.spec, layer.shape, Device::cpu().props(), {}});  // callers can have changed them
  const Node node(layer.spec, has_no_rows(layer) ? sizes_of_Y(layer) : layer.shape);
  node.check_Y(layer.Y);
  node.check_y(y);
  OverlapCheck overlap;
  overlap.input("y", y);
  overlap.output("Y", layer.Y);
  overlap.check();
  node.move(y, layer.Y);
}

}  // namespace
}  // namespace host

OnnxLayer onnx_layer(const OnnxAttributes& attributes, const OnnxInputs& inputs, const OnnxOutputs& outputs) {
  return host::with_memory("onnx_layer", [&] { return host::layer_of(attributes, inputs, outputs); });
}

void store_onnx_y(const OnnxLayer& layer, const ConstTensorView& y) {
  host::with_memory("store_onnx_y", [&] { host::store_y(layer, y); });
}

}  // namespace recur
