#include "host/resident/kernels.hpp"

#include <array>
#include <utility>

namespace recur::host::resident {
namespace {

using Row = std::array<ForwardKernel, cells::kVariantCount>;

// There is one for every cell with R.
template <DataType kType, cells::Variant kVariant>
constexpr ForwardKernel kernel_of() {
  if constexpr (cells::traits_of(kVariant).recurrent) {
    return recur::resident::forward<kType, kVariant>;
  } else {
    return nullptr;
  }
}

template <DataType kType, std::size_t... kIndex>
constexpr Row row(std::index_sequence<kIndex...>) {
  return {kernel_of<kType, static_cast<cells::Variant>(kIndex)>()...};
}
template <DataType kType>
constexpr Row kRow = row<kType>(std::make_index_sequence<cells::kVariantCount>());

}  // namespace

ForwardKernel forward_of(DataType type, cells::Variant variant) {
  const Row& row = type == DataType::bf16 ? kRow<DataType::bf16> : kRow<DataType::f16>;
  return row[static_cast<std::size_t>(variant)];
}

}  // namespace recur::host::resident
