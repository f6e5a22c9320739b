#include "host/resident/kernels.hpp"

#include <array>
#include <utility>

namespace recur::host::resident {
namespace {

using cells::Variant;
using Row = std::array<ForwardKernel, cells::kVariantCount>;

// Null where the table of refusals has the cell; the others are those that host/CMakeLists.txt lists.
template <DataType kType, Variant kVariant>
constexpr ForwardKernel kernel() {
  if constexpr (kVariant == Variant::rnn_tanh_residual || kVariant == Variant::rnn_relu_residual) {
    return nullptr;
  } else {
    return recur::resident::forward<kType, kVariant>;
  }
}

template <DataType kType, std::size_t... kIndex>
constexpr Row row(std::index_sequence<kIndex...>) {
  return {kernel<kType, static_cast<Variant>(kIndex)>()...};
}
template <DataType kType>
constexpr Row kRow = row<kType>(std::make_index_sequence<cells::kVariantCount>());

}  // namespace

ForwardKernel forward_of(DataType type, cells::Variant variant) {
  const Row& row = type == DataType::bf16 ? kRow<DataType::bf16> : kRow<DataType::f16>;
  return row[static_cast<std::size_t>(variant)];
}

}  // namespace recur::host::resident
