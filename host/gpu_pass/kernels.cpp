#include "host/gpu_pass/kernels.hpp"

namespace recur::host::gpu_pass {
namespace {

template <DataType kType>
constexpr KernelTable kTable = {
// NOLINTNEXTLINE(bugprone-macro-parentheses): a name
#define RECUR_POINT(name, Arguments) .name = recur::gpu_pass::Kernels<kType>::name,
    RECUR_GPU_PASS_KERNELS(RECUR_POINT)
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

}  // namespace recur::host::gpu_pass
