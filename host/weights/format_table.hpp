// Conventions as data: which tensors one has for a layer, and where in them the blocks of the canonical
// weights lie.
#pragma once

#include "recur/weight_formats.hpp"

namespace recur::host {

enum class Parameter : std::uint8_t { W, R, bW, bR, peephole, projection };
inline constexpr int kParameters = 6;

// One gate of one direction of a canonical parameter in a tensor of a convention: element (row, column) lies
// at offset + row * row_stride + column * column_stride. Rows are hidden units (elements of h for a
// projection), columns are J, P or 1.
struct FormatBlock {
  int tensor = 0;
  Parameter parameter = Parameter::W;
  std::int64_t direction = 0;
  std::int64_t gate = 0;  // 0 for a projection; an index of peepholes for these
  std::int64_t offset = 0;
  std::int64_t row_stride = 0;
  std::int64_t column_stride = 0;
  // Not 0: what lies behind the offset does so in pieces of `fold` elements, `fold_stride` apart.
  std::int64_t fold = 0;
  std::int64_t fold_stride = 0;
  bool negative = false;  // stored with the other sign
  bool merged = false;    // bR, of which the convention has the sum with bW, at the place of that
};

struct FormatTable {
  std::vector<FormatTensor> tensors;
  std::vector<FormatBlock> blocks;
  // Elements of tensors that belong to no block, and are zeros.
  bool has_unused = false;
};

// Throws Unsupported where the convention cannot express the Spec. The Spec is valid, and has the layer.
FormatTable format_table(WeightFormat format, const Spec& spec, std::int64_t layer);

// Throws InvalidArgument unless these are the tensors of the layer, as import_weights takes them.
void check_format_tensors(WeightFormat format, const Spec& spec, std::int64_t layer,
                          std::span<const ConstTensorView> tensors);

}  // namespace recur::host
