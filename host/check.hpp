// Checks of what a caller passes, and the wording of their errors. Every message names the argument, what was
// expected (shape letters and values) and what came.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "recur/error.hpp"
#include "recur/tensor.hpp"

namespace recur::host {

// One expected dimension: its shape letters ("T", "G*H") and its value.
struct Dim {
  std::string_view letters;
  std::int64_t size;
};

// "f32 [3][4]", with strides where the view is not contiguous; "nothing" for a view that is not given.
std::string describe(const ConstTensorView& view);

// Throws InvalidArgument unless the view is given, has this dtype and shape, a non-null base aligned to its
// elements, an inner stride of 1 and non-negative outer strides whose extent can be addressed. Of a view
// without elements only the dtype and the shape matter.
void check_view(std::string_view name, const ConstTensorView& view, DataType type,
                std::initializer_list<Dim> dims);

// As check_view, and rows must not overlap each other: what a call writes.
void check_output(std::string_view name, const ConstTensorView& view, DataType type,
                  std::initializer_list<Dim> dims);

// Throws InvalidArgument for a view whose base is not aligned to so many bytes, which `who` needs.
void check_alignment(std::string_view name, const ConstTensorView& view, std::size_t alignment,
                     std::string_view who);

// Throws InvalidArgument when the view is given; `why` completes "expected no NAME because WHY".
void check_not_given(std::string_view name, const ConstTensorView& view, std::string_view why);

// Throws InvalidArgument for a null or misaligned buffer or one below `bytes`. `bytes` of 0 accepts anything.
void check_buffer(std::string_view name, const void* data, std::size_t size, std::size_t bytes);

// a * b and a + b of non-negative sizes; throw InvalidArgument naming `what` where the result passes int64.
std::int64_t checked_product(std::string_view what, std::initializer_list<std::int64_t> factors);
std::int64_t checked_sum(std::string_view what, std::initializer_list<std::int64_t> terms);

// Collects the memory ranges of a call; `check` throws InvalidArgument where an output overlaps anything
// else. A strided view counts as the whole range from its first to its last element.
class OverlapCheck {
 public:
  void input(std::string_view name, const ConstTensorView& view);
  void output(std::string_view name, const ConstTensorView& view);
  void input(std::string_view name, const void* data, std::size_t bytes);
  void output(std::string_view name, const void* data, std::size_t bytes);
  // Lets this output be the same tensor as this input: the same memory in the same order.
  void allow_same(std::string_view output, const ConstTensorView& output_view, std::string_view input,
                  const ConstTensorView& input_view);
  void check();

 private:
  struct Range {
    std::string_view name;
    std::uintptr_t begin;
    std::uintptr_t end;
    bool is_output;
  };
  void add(std::string_view name, const void* data, std::size_t bytes, bool is_output);
  bool allowed(const Range& a, const Range& b) const;

  // Fixed capacity, since checking happens inside calls that allocate nothing: the arguments of a call and,
  // for each of kMaxLayers layers, six weights and six gradients.
  static constexpr int kMaxRanges = 32 + 12 * 64;
  static constexpr int kMaxSame = 4;
  Range ranges_[kMaxRanges];
  int count_ = 0;
  std::string_view same_[kMaxSame][2];
  int same_count_ = 0;
};

}  // namespace recur::host
