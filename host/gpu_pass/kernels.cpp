#include "host/gpu_pass/kernels.hpp"

#include "host/gpu_pass/by_type.hpp"

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
  return by_type(type, []<DataType kType>() -> const KernelTable& { return kTable<kType>; });
}

}  // namespace recur::host::gpu_pass
