#include "host/stepwise/kernels.hpp"

#include "host/gpu_pass/by_type.hpp"

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
  return gpu_pass::by_type(type, []<DataType kType>() -> const KernelTable& { return kTable<kType>; });
}

}  // namespace recur::host::stepwise
