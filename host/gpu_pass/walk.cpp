#include "host/gpu_pass/walk.hpp"

#include <algorithm>

namespace recur::host::gpu_pass {

Walk::Walk(const RunSizes& sizes, bool along_time, bool flat)
    : along_time_(along_time), inner_(along_time ? sizes.steps : sizes.batch) {
  const std::int64_t outer = along_time ? sizes.batch : sizes.steps;
  rows_ = flat ? inner_ * outer : inner_;
  count_ = flat ? 1 : outer;
}

// Elements between the rows of a matrix.
std::int64_t Walk::row_stride(const RowLayout& tensor) const {
  if (rows_ == 1) return tensor.columns;
  if (inner_ == 1) return along_time_ ? tensor.batch : tensor.step;
  return along_time_ ? tensor.step : tensor.batch;
}

bool Walk::reaches(const RowLayout& tensor) const {
  if (rows_ > inner_ && inner_ > 1) {
    const std::int64_t inner_stride = along_time_ ? tensor.step : tensor.batch;
    const std::int64_t outer_stride = along_time_ ? tensor.batch : tensor.step;
    if (outer_stride != inner_ * inner_stride) return false;
  }
  const std::int64_t distance = row_stride(tensor);
  return distance >= tensor.columns && distance <= kMostProductSize;
}

std::optional<Walk> Walk::first_of(const RunSizes& sizes, Layout layout, bool flat,
                                   std::initializer_list<RowLayout> tensors) {
  const bool preferred = layout == Layout::batch_major;
  for (bool along_time : {preferred, !preferred}) {
    const Walk walk(sizes, along_time, flat);
    if (walk.rows_ > kMostProductSize || walk.count_ > kMostProductSize) continue;
    if (std::ranges::all_of(tensors, [&](const RowLayout& tensor) { return walk.reaches(tensor); }))
      return walk;
  }
  return std::nullopt;
}

std::optional<Walk> Walk::flat(const RunSizes& sizes, Layout layout,
                               std::initializer_list<RowLayout> tensors) {
  return first_of(sizes, layout, true, tensors);
}

std::optional<Walk> Walk::batched(const RunSizes& sizes, Layout layout,
                                  std::initializer_list<RowLayout> tensors) {
  if (std::optional<Walk> walk = flat(sizes, layout, tensors)) return walk;
  return first_of(sizes, layout, false, tensors);
}

gpu::Matrix Walk::matrix(const void* data, DataType type, const RowLayout& tensor) const {
  return {.data = data,
          .type = type,
          .row_stride = row_stride(tensor),
          .batch_stride = count_ == 1 ? 0 : (along_time_ ? tensor.batch : tensor.step)};
}

}  // namespace recur::host::gpu_pass
