#include "host/stepwise/kernels.hpp"

namespace recur::host::stepwise {
namespace {

template <DataType kType>
constexpr KernelTable kTable = {
// NOLINTNEXTLINE(bugprone-macro-parentheses): a name
#define RECUR_POINT(name, parameters) .name = recur::stepwise::Kernels<kType>::name,
    RECUR_STEPWISE_KERNELS(RECUR_POINT)
#undef RECUR_POINT
};

}  // namespace

const KernelTable& kernels_of(DataType type) {
  switch (type) {
    case DataType::f64: return kTable<DataType::f64>;
    case DataType::f16: return kTable<DataType::f16>;
    case DataType::bf16: return kTable<DataType::bf16>;
    default: return kTable<DataType::f32>;
  }
}

}  // namespace recur::host::stepwise
