// Products over rows (t, b) of several tensors at once: how those rows become the rows of matrices without
// being moved.
#pragma once

#include <initializer_list>
#include <optional>

#include "host/gpu/gpu.hpp"
#include "host/layers/rows.hpp"

namespace recur::host::gpu_pass {

using layers::dense_layout;
using layers::RowLayout;

// Largest size and row distance of a product.
constexpr std::int64_t kMostProductSize = 0x7fffffff;

// The rows of some steps and sequences as `count` matrices of `rows` rows each.
class Walk {
 public:
  // As one matrix, where all tensors have their rows at one distance in the same order.
  static std::optional<Walk> flat(const RunSizes& sizes, Layout layout,
                                  std::initializer_list<RowLayout> tensors);
  // As one matrix, or else one for each step, or for each sequence. Empty where rows are too near each other
  // (windows that overlap) or too far apart.
  static std::optional<Walk> batched(const RunSizes& sizes, Layout layout,
                                     std::initializer_list<RowLayout> tensors);

  std::int64_t rows() const { return rows_; }
  std::int64_t count() const { return count_; }
  gpu::Matrix matrix(const void* data, DataType type, const RowLayout& tensor) const;

 private:
  // Rows of a matrix follow time (`along_time`) or the batch; `flat`: and then the other.
  Walk(const RunSizes& sizes, bool along_time, bool flat);
  bool reaches(const RowLayout& tensor) const;
  static std::optional<Walk> first_of(const RunSizes& sizes, Layout layout, bool flat,
                                      std::initializer_list<RowLayout> tensors);
  std::int64_t row_stride(const RowLayout& tensor) const;

  bool along_time_;
  std::int64_t inner_;  // rows before the other index moves on
  std::int64_t rows_;
  std::int64_t count_;
};

}  // namespace recur::host::gpu_pass
