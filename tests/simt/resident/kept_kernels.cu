// The kernel that mutants of kept_state_test.cpp are compiled of.
#include "kernels/resident/forward.cuh"

namespace recur::resident {

template <>
void forward<DataType::bf16, cells::Variant::lstm>(const Forward& arguments, const Launch& launch) {
  launch_tile<cells::CellOf<cells::Variant::lstm>, device::Storage<DataType::bf16>, 4, false>(arguments,
                                                                                              launch);
}

}  // namespace recur::resident
