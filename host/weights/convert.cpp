#include <algorithm>
#include <bit>
#include <cstring>

#include "host/layer_tensors.hpp"
#include "host/out_of_memory.hpp"
#include "host/validate_job.hpp"
#include "host/weights/format_table.hpp"

namespace recur {

std::string_view name_of(WeightFormat format) {
  switch (format) {
    case WeightFormat::pytorch: return "pytorch";
    case WeightFormat::onnx: return "onnx";
    case WeightFormat::keras: return "keras";
    case WeightFormat::cudnn: return "cudnn";
    case WeightFormat::onednn: return "onednn";
    case WeightFormat::paddle: return "paddle";
    case WeightFormat::paddle_fluid: return "paddle_fluid";
    case WeightFormat::keras_cudnn: return "keras_cudnn";
    case WeightFormat::haiku: return "haiku";
    case WeightFormat::lasagne: return "lasagne";
    case WeightFormat::madmom: return "madmom";
  }
  return "unknown weight format";
}

namespace host {
namespace {

void check_layer(const Spec& spec, std::int64_t layer) {
  validate_layer(spec, layer);
  // No conversion has more elements in one tensor: four gates of the widest rows, both directions.
  const std::int64_t width = std::max(layer_input_size(spec, layer), spec.hidden_size);
  checked_product("weights", {8, directions_of(spec), spec.hidden_size, width});
}

FormatTable checked_table(WeightFormat format, const Spec& spec, std::int64_t layer) {
  if (name_of(format).starts_with("unknown")) {
    throw InvalidArgument("format: expected one of its enumerators, got " +
                          std::to_string(static_cast<int>(format)));
  }
  check_layer(spec, layer);
  return format_table(format, spec, layer);
}

// A tensor of another library lies where that put it: aligned to its elements, and dense.
void check_foreign(const FormatTensor& expected, const ConstTensorView& view, DataType type) {
  const auto fail = [&](const std::string& what) {
    std::string shape;
    for (std::int64_t size : expected.shape) shape += " [" + std::to_string(size) + "]";
    throw InvalidArgument(expected.name + ": expected " + what + std::string(name_of(type)) + shape +
                          ", got " + describe(view));
  };
  const auto rank = static_cast<int>(expected.shape.size());
  bool fits = view.given() && view.type() == type && view.rank() == rank;
  for (int d = 0; fits && d < rank; ++d) fits = view.size(d) == expected.shape[static_cast<std::size_t>(d)];
  if (!fits) fail("");
  std::int64_t stride = 1;
  for (int d = rank - 1; d >= 0; --d) {
    if (view.size(d) != 1 && view.stride(d) != stride) fail("a dense ");
    stride *= view.size(d);
  }
  if (view.data() == nullptr || reinterpret_cast<std::uintptr_t>(view.data()) % size_of(type) != 0) {
    throw InvalidArgument(expected.name + ": expected elements at a multiple of their size, got " +
                          (view.data() == nullptr ? "null" : "a misaligned address"));
  }
}

template <class View>
void check_foreign(const FormatTable& table, std::span<const View> tensors, DataType type) {
  if (tensors.size() != table.tensors.size()) {
    throw InvalidArgument("tensors: expected " + std::to_string(table.tensors.size()) + ", from " +
                          table.tensors.front().name + " to " + table.tensors.back().name + ", got " +
                          std::to_string(tensors.size()));
  }
  for (std::size_t i = 0; i < tensors.size(); ++i) check_foreign(table.tensors[i], tensors[i], type);
}

template <class View>
const View& view_of(const BasicLayerWeights<View>& weights, Parameter parameter) {
  switch (parameter) {
    case Parameter::W: return weights.W;
    case Parameter::R: return weights.R;
    case Parameter::bW: return weights.bW;
    case Parameter::bR: return weights.bR;
    case Parameter::peephole: return weights.peephole;
    case Parameter::projection: break;
  }
  return weights.projection;
}

// A block where the canonical weights have it.
struct CanonicalBlock {
  std::int64_t offset;
  std::int64_t rows;
  std::int64_t row_stride;
  std::int64_t columns;
};

template <class View>
CanonicalBlock canonical_block(const Spec& spec, const View& view, const FormatBlock& block) {
  const std::int64_t direction = block.direction * view.stride(0);
  const std::int64_t first = block.gate * spec.hidden_size;
  switch (block.parameter) {
    case Parameter::W:
    case Parameter::R:
      return {direction + first * view.stride(1), spec.hidden_size, view.stride(1), view.size(2)};
    case Parameter::projection: return {direction, view.size(1), view.stride(1), view.size(2)};
    case Parameter::bW:
    case Parameter::bR:
    case Parameter::peephole: break;
  }
  return {direction + first, spec.hidden_size, 1, 1};
}

// f(foreign index, canonical index) of every element of the block.
template <class F>
void each_element(const FormatBlock& block, const CanonicalBlock& canonical, F&& f) {
  for (std::int64_t row = 0; row < canonical.rows; ++row) {
    for (std::int64_t column = 0; column < canonical.columns; ++column) {
      const std::int64_t place = row * block.row_stride + column * block.column_stride;
      const std::int64_t folded =
          block.fold == 0 ? place : place / block.fold * block.fold_stride + place % block.fold;
      f(block.offset + folded, canonical.offset + row * canonical.row_stride + column);
    }
  }
}

// What is converted: of bR, which a convention has summed with bW, weights are one term and gradients are
// those of the sum itself.
enum class Content { weights, gradients };

// Elements as bits, the sign the highest: moved, negated, never computed with.
template <class Bits>
struct Moves {
  static Bits moved(Bits value, bool negative) {
    constexpr Bits kSign = static_cast<Bits>(Bits{1} << (8 * sizeof(Bits) - 1));
    return negative ? static_cast<Bits>(value ^ kSign) : value;
  }

  static void import(const FormatTable& table, const Spec& spec, std::span<const ConstTensorView> from,
                     const BasicLayerWeights<TensorView>& to, Content content) {
    for (const FormatBlock& block : table.blocks) {
      const TensorView& view = view_of(to, block.parameter);
      const auto* source = static_cast<const Bits*>(from[static_cast<std::size_t>(block.tensor)].data());
      auto* destination = static_cast<Bits*>(view.data());
      each_element(block, canonical_block(spec, view, block),
                   [&](std::int64_t foreign, std::int64_t canonical) {
                     const bool is_zero = block.merged && content == Content::weights;
                     destination[canonical] = is_zero ? Bits{0} : moved(source[foreign], block.negative);
                   });
    }
  }

  static void export_to(const FormatTable& table, const Spec& spec, const LayerWeights& from,
                        std::span<const TensorView> to, Content content) {
    for (std::size_t i = 0; table.has_unused && i < to.size(); ++i) {
      std::int64_t count = 1;
      for (int d = 0; d < to[i].rank(); ++d) count *= to[i].size(d);
      std::memset(to[i].data(), 0, static_cast<std::size_t>(count) * sizeof(Bits));
    }
    for (const FormatBlock& block : table.blocks) {
      if (block.merged && content == Content::gradients) continue;  // bW's, which is there, is the same
      const ConstTensorView& view = view_of(from, block.parameter);
      const auto* source = static_cast<const Bits*>(view.data());
      auto* destination = static_cast<Bits*>(to[static_cast<std::size_t>(block.tensor)].data());
      each_element(block, canonical_block(spec, view, block),
                   [&](std::int64_t foreign, std::int64_t canonical) {
                     if (block.merged) {
                       add(destination[foreign], moved(source[canonical], block.negative));
                     } else {
                       destination[foreign] = moved(source[canonical], block.negative);
                     }
                   });
    }
  }

  // Rows H to 2*H of three times H.
  static void negate_update_gate(const Spec& spec, const TensorView& view) {
    if (!view.given()) return;
    const int rows = 1, columns = 2;
    const std::int64_t H = spec.hidden_size;
    const bool is_bias = view.rank() == columns;
    const std::int64_t row_stride = is_bias ? 1 : view.stride(rows);
    auto* elements = static_cast<Bits*>(view.data());
    for (std::int64_t d = 0; d < directions_of(spec); ++d) {
      for (std::int64_t row = H; row < 2 * H; ++row) {
        for (std::int64_t k = 0; k < (is_bias ? 1 : view.size(columns)); ++k) {
          Bits& element = elements[d * view.stride(0) + row * row_stride + k];
          element = moved(element, true);
        }
      }
    }
  }

  // Only of types that add in their own precision; merged blocks come after what they are added to.
  static void add(Bits& to, Bits from) {
    if constexpr (sizeof(Bits) == 4) {
      to = std::bit_cast<Bits>(std::bit_cast<float>(to) + std::bit_cast<float>(from));
    } else if constexpr (sizeof(Bits) == 8) {
      to = std::bit_cast<Bits>(std::bit_cast<double>(to) + std::bit_cast<double>(from));
    }
  }
};

// f.template operator()<Moves<Bits>>() for the size of the type's elements.
template <class F>
void with_bits(DataType type, F&& f) {
  switch (size_of(type)) {
    case 8: f.template operator()<Moves<std::uint64_t>>(); break;
    case 4: f.template operator()<Moves<std::uint32_t>>(); break;
    default: f.template operator()<Moves<std::uint16_t>>(); break;
  }
}

// `check` is check_view or check_output.
template <class View, class Check>
void check_canonical(const Spec& spec, std::int64_t layer, const BasicLayerWeights<View>& weights,
                     Check&& check) {
  each_tensor(spec, layer, weights,
              [&](std::string_view name, const ConstTensorView& view, bool wanted, std::string_view why_not,
                  std::initializer_list<Dim> dims) {
                if (wanted) {
                  check(name, view, spec.dtype, dims);
                } else {
                  check_not_given(name, view, why_not);
                }
              });
}

constexpr Parameter kAll[kParameters] = {Parameter::W,  Parameter::R,        Parameter::bW,
                                         Parameter::bR, Parameter::peephole, Parameter::projection};
constexpr const char* kNames[kParameters] = {"W", "R", "bW", "bR", "peephole", "projection"};

// Weights or gradients of another library's.
void import(WeightFormat format, const Spec& spec, std::int64_t layer, std::span<const ConstTensorView> from,
            const BasicLayerWeights<TensorView>& to, Content content) {
  const FormatTable table = checked_table(format, spec, layer);
  check_foreign(table, from, spec.dtype);
  check_canonical(spec, layer, to, check_output);
  OverlapCheck overlap;
  for (std::size_t i = 0; i < from.size(); ++i) overlap.input(table.tensors[i].name, from[i]);
  for (int i = 0; i < kParameters; ++i) overlap.output(kNames[i], view_of(to, kAll[i]));
  overlap.check();
  with_bits(spec.dtype, [&]<class Moves>() { Moves::import(table, spec, from, to, content); });
}

void export_to(WeightFormat format, const Spec& spec, std::int64_t layer, const LayerWeights& from,
               std::span<const TensorView> to, Content content) {
  const FormatTable table = checked_table(format, spec, layer);
  if (content == Content::weights && size_of(spec.dtype) == 2 &&
      std::ranges::any_of(table.blocks, &FormatBlock::merged)) {
    throw Unsupported(
        std::string(name_of(format)) +
        " weights: there is one bias, and bW + bR would be rounded to 16 bits; make them of f32");
  }
  check_foreign(table, to, spec.dtype);
  check_canonical(spec, layer, from, check_view);
  OverlapCheck overlap;
  for (int i = 0; i < kParameters; ++i) overlap.input(kNames[i], view_of(from, kAll[i]));
  for (std::size_t i = 0; i < to.size(); ++i) overlap.output(table.tensors[i].name, to[i]);
  overlap.check();
  with_bits(spec.dtype, [&]<class Moves>() { Moves::export_to(table, spec, from, to, content); });
}

}  // namespace

void check_format_tensors(WeightFormat format, const Spec& spec, std::int64_t layer,
                          std::span<const ConstTensorView> tensors) {
  check_foreign(checked_table(format, spec, layer), tensors, spec.dtype);
}

}  // namespace host

std::vector<FormatTensor> format_tensors(WeightFormat format, const Spec& spec, std::int64_t layer) {
  return host::with_memory("weights", [&] { return host::checked_table(format, spec, layer).tensors; });
}

void import_weights(WeightFormat format, const Spec& spec, std::int64_t layer,
                    std::span<const ConstTensorView> from, const BasicLayerWeights<TensorView>& to) {
  host::with_memory("weights", [&] { host::import(format, spec, layer, from, to, host::Content::weights); });
}

void export_weights(WeightFormat format, const Spec& spec, std::int64_t layer, const LayerWeights& from,
                    std::span<const TensorView> to) {
  host::with_memory("weights",
                    [&] { host::export_to(format, spec, layer, from, to, host::Content::weights); });
}

void import_gradients(WeightFormat format, const Spec& spec, std::int64_t layer,
                      std::span<const ConstTensorView> from, const BasicLayerWeights<TensorView>& to) {
  host::with_memory("gradients",
                    [&] { host::import(format, spec, layer, from, to, host::Content::gradients); });
}

void export_gradients(WeightFormat format, const Spec& spec, std::int64_t layer, const LayerWeights& from,
                      std::span<const TensorView> to) {
  host::with_memory("gradients",
                    [&] { host::export_to(format, spec, layer, from, to, host::Content::gradients); });
}

void negate_update_gate(const Spec& spec, std::int64_t layer, const BasicLayerWeights<TensorView>& weights) {
  host::with_memory("weights", [&] {
    host::check_layer(spec, layer);
    if (spec.cell != Cell::gru) {
      throw InvalidArgument("cell: expected gru, got " + std::string(name_of(spec.cell)));
    }
    host::check_canonical(spec, layer, weights, host::check_output);
    host::OverlapCheck overlap;
    for (int i = 0; i < host::kParameters; ++i)
      overlap.output(host::kNames[i], host::view_of(weights, host::kAll[i]));
    overlap.check();
    host::with_bits(spec.dtype, [&]<class Moves>() {
      for (const TensorView& view : {weights.W, weights.R, weights.bW, weights.bR})
        Moves::negate_update_gate(spec, view);
    });
  });
}

}  // namespace recur
