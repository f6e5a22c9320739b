#include "kernels/stepwise/projection.cuh"

namespace recur::stepwise {

// NOLINTBEGIN(bugprone-macro-parentheses): kType is an enumerator
#define RECUR_INSTANTIATE(kType)                                                           \
  template void Kernels<DataType::kType>::store_projection(const StoreProjection&, void*); \
  template void Kernels<DataType::kType>::collect_gradient(const CollectGradient&, void*);
RECUR_INSTANTIATE(f32)
RECUR_INSTANTIATE(f64)
RECUR_INSTANTIATE(f16)
RECUR_INSTANTIATE(bf16)
#undef RECUR_INSTANTIATE
// NOLINTEND(bugprone-macro-parentheses)

}  // namespace recur::stepwise
