#include "host/check.hpp"

#include <algorithm>
#include <limits>

namespace recur::host {
namespace {

constexpr std::size_t kBufferAlignment = 64;

std::string expected_shape(DataType type, std::initializer_list<Dim> dims) {
  std::string text(name_of(type));
  for (const Dim& dim : dims) {
    text += " [";
    text += dim.letters;
    if (dim.letters != std::to_string(dim.size)) text += "=" + std::to_string(dim.size);
    text += ']';
  }
  return text;
}

[[noreturn]] void fail(std::string_view name, const std::string& expected, const std::string& got) {
  throw InvalidArgument(std::string(name) + ": expected " + expected + ", got " + got);
}

bool is_aligned(const void* data, std::size_t alignment) {
  return reinterpret_cast<std::uintptr_t>(data) % alignment == 0;
}

bool has_elements(const ConstTensorView& view) {
  for (int d = 0; d < view.rank(); ++d) {
    if (view.size(d) == 0) return false;
  }
  return true;
}

std::string describe_misaligned(const void* data, std::size_t alignment) {
  return "one " + std::to_string(reinterpret_cast<std::uintptr_t>(data) % alignment) +
         " bytes past a multiple of " + std::to_string(alignment);
}

// Elements from the first to one past the last, or -1 where int64 cannot hold it.
std::int64_t extent_of(const ConstTensorView& view) {
  if (!has_elements(view)) return 0;
  std::int64_t last = 0;
  for (int d = 0; d < view.rank(); ++d) {
    std::int64_t span = 0;
    if (__builtin_mul_overflow(view.size(d) - 1, view.stride(d), &span)) return -1;
    if (__builtin_add_overflow(last, span, &last)) return -1;
  }
  return last + 1;
}

std::int64_t addressable_extent(const ConstTensorView& view) {
  const std::int64_t extent = extent_of(view);
  std::int64_t bytes = 0;
  if (extent < 0 || __builtin_mul_overflow(extent, static_cast<std::int64_t>(size_of(view.type())), &bytes)) {
    return -1;
  }
  return bytes;
}

}  // namespace

std::string describe(const ConstTensorView& view) {
  if (!view.given()) return "nothing";
  std::string text(name_of(view.type()));
  bool contiguous = true;
  std::uint64_t stride = 1;
  for (int d = view.rank() - 1; d >= 0; --d) {
    contiguous = contiguous && view.stride(d) == static_cast<std::int64_t>(stride);
    stride *= static_cast<std::uint64_t>(view.size(d));
  }
  for (int d = 0; d < view.rank(); ++d) text += " [" + std::to_string(view.size(d)) + "]";
  if (!contiguous) {
    text += " with strides";
    for (int d = 0; d < view.rank(); ++d) text += " " + std::to_string(view.stride(d));
  }
  return text;
}

void check_view(std::string_view name, const ConstTensorView& view, DataType type,
                std::initializer_list<Dim> dims) {
  bool matches = view.given() && view.type() == type && view.rank() == static_cast<int>(dims.size());
  int d = 0;
  for (const Dim& dim : dims) matches = matches && view.size(d++) == dim.size;
  if (!matches) fail(name, expected_shape(type, dims), describe(view));
  if (!has_elements(view)) return;

  if (view.data() == nullptr) fail(name, expected_shape(type, dims), "a null pointer");
  if (const std::size_t width = size_of(type); !is_aligned(view.data(), width)) {
    fail(name, "a base aligned to its elements of " + std::to_string(width) + " bytes",
         describe_misaligned(view.data(), width));
  }
  if (view.stride(view.rank() - 1) != 1) fail(name, "an inner stride of 1", describe(view));
  for (int i = 0; i < view.rank(); ++i) {
    if (view.stride(i) < 0) fail(name, "strides of at least 0", describe(view));
  }
  if (addressable_extent(view) < 0) fail(name, "an extent that 64 bits can address", describe(view));
}

void check_output(std::string_view name, const ConstTensorView& view, DataType type,
                  std::initializer_list<Dim> dims) {
  check_view(name, view, type, dims);
  if (!has_elements(view)) return;
  // Sorted by stride, each dimension must step over everything the smaller ones reach.
  int order[ConstTensorView::kMaxRank] = {};
  for (int d = 0; d < view.rank(); ++d) {
    int place = d;
    for (; place > 0 && view.stride(order[place - 1]) > view.stride(d); --place)
      order[place] = order[place - 1];
    order[place] = d;
  }
  std::int64_t reach = 1;
  for (int i = 0; i < view.rank(); ++i) {
    const int d = order[i];
    if (view.size(d) == 1) continue;
    if (view.stride(d) < reach) fail(name, "elements that do not overlap each other", describe(view));
    reach += (view.size(d) - 1) * view.stride(d);
  }
}

void check_alignment(std::string_view name, const ConstTensorView& view, std::size_t alignment,
                     std::string_view who) {
  if (!view.given() || !has_elements(view) || is_aligned(view.data(), alignment)) return;
  fail(name, "a base aligned to " + std::to_string(alignment) + " bytes, as " + std::string(who) + " needs",
       describe_misaligned(view.data(), alignment));
}

void check_not_given(std::string_view name, const ConstTensorView& view, std::string_view why) {
  if (view.given()) fail(name, "nothing (" + std::string(why) + ")", describe(view));
}

void check_buffer(std::string_view name, const void* data, std::size_t size, std::size_t bytes) {
  if (bytes == 0) return;
  // Made only to be thrown: a good call allocates nothing.
  const auto expected = [&] { return "at least " + std::to_string(bytes) + " bytes aligned to 64"; };
  if (data == nullptr) fail(name, expected(), "a null pointer");
  if (size < bytes) fail(name, expected(), std::to_string(size) + " bytes");
  if (!is_aligned(data, kBufferAlignment)) {
    fail(name, expected(),
         "a base " + std::to_string(reinterpret_cast<std::uintptr_t>(data) % kBufferAlignment) +
             " bytes past a multiple of 64");
  }
}

std::int64_t checked_product(std::string_view what, std::initializer_list<std::int64_t> factors) {
  std::int64_t product = 1;
  for (std::int64_t factor : factors) {
    if (__builtin_mul_overflow(product, factor, &product)) {
      throw InvalidArgument(std::string(what) + ": the size overflows 64 bits");
    }
  }
  return product;
}

std::int64_t checked_sum(std::string_view what, std::initializer_list<std::int64_t> terms) {
  std::int64_t sum = 0;
  for (std::int64_t term : terms) {
    if (__builtin_add_overflow(sum, term, &sum)) {
      throw InvalidArgument(std::string(what) + ": the size overflows 64 bits");
    }
  }
  return sum;
}

void OverlapCheck::input(std::string_view name, const ConstTensorView& view) {
  if (view.given()) add(name, view.data(), static_cast<std::size_t>(addressable_extent(view)), false);
}

void OverlapCheck::output(std::string_view name, const ConstTensorView& view) {
  if (view.given()) add(name, view.data(), static_cast<std::size_t>(addressable_extent(view)), true);
}

void OverlapCheck::input(std::string_view name, const void* data, std::size_t bytes) {
  add(name, data, bytes, false);
}

void OverlapCheck::output(std::string_view name, const void* data, std::size_t bytes) {
  add(name, data, bytes, true);
}

void OverlapCheck::add(std::string_view name, const void* data, std::size_t bytes, bool is_output) {
  if (bytes == 0 || data == nullptr) return;
  if (count_ == kMaxRanges) throw InvalidArgument("overlap check: too many arguments");
  const auto begin = reinterpret_cast<std::uintptr_t>(data);
  ranges_[count_++] = Range{name, begin, begin + bytes, is_output};
}

void OverlapCheck::allow_same(std::string_view output, const ConstTensorView& output_view,
                              std::string_view input, const ConstTensorView& input_view) {
  if (output_view.rank() != input_view.rank()) return;
  for (int d = 0; d < output_view.rank(); ++d) {
    if (output_view.size(d) > 1 && output_view.stride(d) != input_view.stride(d)) return;
  }
  same_[same_count_][0] = output;
  same_[same_count_][1] = input;
  ++same_count_;
}

bool OverlapCheck::allowed(const Range& a, const Range& b) const {
  if (a.begin != b.begin || a.end != b.end) return false;
  for (int i = 0; i < same_count_; ++i) {
    if (a.name == same_[i][0] && b.name == same_[i][1]) return true;
    if (b.name == same_[i][0] && a.name == same_[i][1]) return true;
  }
  return false;
}

void OverlapCheck::check() {
  std::sort(ranges_, ranges_ + count_, [](const Range& a, const Range& b) { return a.begin < b.begin; });
  for (int i = 0; i < count_; ++i) {
    for (int j = i + 1; j < count_ && ranges_[j].begin < ranges_[i].end; ++j) {
      const Range& a = ranges_[i];
      const Range& b = ranges_[j];
      if ((a.is_output || b.is_output) && !allowed(a, b)) {
        const Range& out = a.is_output ? a : b;
        const Range& other = a.is_output ? b : a;
        fail(out.name, "memory that no other argument uses", "memory shared with " + std::string(other.name));
      }
    }
  }
}

}  // namespace recur::host
