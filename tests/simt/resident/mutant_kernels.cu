// The two kernels that mutants are compiled of: those that schedule_test.cpp's first two cases run.
#include "kernels/resident/forward.cuh"

namespace recur::resident {

template <>
void forward<DataType::bf16, cells::Variant::gru_reset_before>(const Forward& arguments,
                                                               const Launch& launch) {
  launch_tile<cells::CellOf<cells::Variant::gru_reset_before>, device::Storage<DataType::bf16>, 1, true>(
      arguments, launch);
}
template <>
void forward<DataType::f16, cells::Variant::lstm_peephole>(const Forward& arguments, const Launch& launch) {
  launch_tile<cells::CellOf<cells::Variant::lstm_peephole>, device::Storage<DataType::f16>, 3, false>(
      arguments, launch);
}

}  // namespace recur::resident
