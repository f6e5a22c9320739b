#include "kernels/stepwise/rows.cuh"

namespace recur::stepwise {

// NOLINTBEGIN(bugprone-macro-parentheses): kType is an enumerator
#define RECUR_INSTANTIATE(kType)                                                         \
  template void Kernels<DataType::kType>::combine_biases(const CombineBiases&, void*);   \
  template void Kernels<DataType::kType>::start_forward(const StartForward&, void*);     \
  template void Kernels<DataType::kType>::start_backward(const StartBackward&, void*);   \
  template void Kernels<DataType::kType>::finish_backward(const FinishBackward&, void*); \
  template void Kernels<DataType::kType>::copy_rows(const CopyRows&, void*);             \
  template void Kernels<DataType::kType>::store_rows(const CopyRows&, void*);            \
  template void Kernels<DataType::kType>::drop_rows(const DropRows&, void*);             \
  template void Kernels<DataType::kType>::keep_seed(const KeepSeed&, void*);             \
  template void Kernels<DataType::kType>::sum_columns(const SumColumns&, void*);         \
  template void Kernels<DataType::kType>::sum_columns_of_sums(const SumColumns&, void*); \
  template void Kernels<DataType::kType>::sum_parts(const SumParts&, void*);
RECUR_INSTANTIATE(f32)
RECUR_INSTANTIATE(f64)
RECUR_INSTANTIATE(f16)
RECUR_INSTANTIATE(bf16)
#undef RECUR_INSTANTIATE
// NOLINTEND(bugprone-macro-parentheses)

}  // namespace recur::stepwise
