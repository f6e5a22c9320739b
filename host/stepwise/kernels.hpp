// The kernels of the storage type that a Geometry names.
#pragma once

#include "kernels/stepwise/launch.hpp"

namespace recur::host::stepwise {

// As recur::stepwise::Kernels, with the type chosen at run time.
struct KernelTable {
  void (*combine_biases)(const recur::stepwise::CombineBiases&, void* stream);
  void (*start_forward)(const recur::stepwise::StartForward&, void* stream);
  void (*forward_step)(cells::Variant, int phase, const recur::stepwise::ForwardStep&, void* stream);
  void (*store_projection)(const recur::stepwise::StoreProjection&, void* stream);
  void (*start_backward)(const recur::stepwise::StartBackward&, void* stream);
  void (*collect_gradient)(const recur::stepwise::CollectGradient&, void* stream);
  void (*backward_step)(cells::Variant, int phase, const recur::stepwise::BackwardStep&, void* stream);
  void (*finish_backward)(const recur::stepwise::FinishBackward&, void* stream);
  void (*copy_rows)(const recur::stepwise::CopyRows&, void* stream);
  void (*store_rows)(const recur::stepwise::CopyRows&, void* stream);
  void (*drop_rows)(const recur::stepwise::DropRows&, void* stream);
  void (*keep_seed)(const recur::stepwise::KeepSeed&, void* stream);
  void (*sum_columns)(const recur::stepwise::SumColumns&, void* stream);
  void (*sum_columns_of_sums)(const recur::stepwise::SumColumns&, void* stream);
  void (*sum_parts)(const recur::stepwise::SumParts&, void* stream);
};

const KernelTable& kernels_of(DataType type);

}  // namespace recur::host::stepwise
