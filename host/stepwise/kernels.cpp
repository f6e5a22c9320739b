#include "host/stepwise/kernels.hpp"

namespace recur::host::stepwise {
namespace {

template <DataType kType>
const KernelTable& table_of() {
  using Kernels = recur::stepwise::Kernels<kType>;
  static constexpr KernelTable kTable = {
      .combine_biases = Kernels::combine_biases,
      .start_forward = Kernels::start_forward,
      .forward_step = Kernels::forward_step,
      .store_projection = Kernels::store_projection,
      .start_backward = Kernels::start_backward,
      .collect_gradient = Kernels::collect_gradient,
      .backward_step = Kernels::backward_step,
      .finish_backward = Kernels::finish_backward,
      .copy_rows = Kernels::copy_rows,
      .store_rows = Kernels::store_rows,
      .drop_rows = Kernels::drop_rows,
      .keep_seed = Kernels::keep_seed,
      .sum_columns = Kernels::sum_columns,
      .sum_columns_of_sums = Kernels::sum_columns_of_sums,
      .sum_parts = Kernels::sum_parts,
  };
  return kTable;
}

}  // namespace

const KernelTable& kernels_of(DataType type) {
  switch (type) {
    case DataType::f64: return table_of<DataType::f64>();
    case DataType::f16: return table_of<DataType::f16>();
    case DataType::bf16: return table_of<DataType::bf16>();
    default: return table_of<DataType::f32>();
  }
}

}  // namespace recur::host::stepwise
