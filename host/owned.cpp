#include "recur/owned.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <new>
#include <string>

#include "host/bf16.hpp"
#include "host/check.hpp"
#include "host/out_of_memory.hpp"
#include "recur/memory.hpp"

namespace recur {
namespace {

constexpr std::size_t kLine = 64;
constexpr std::size_t kHugePage = std::size_t{2} << 20;

std::string text_of(const TensorShape& shape) {
  std::string text;
  for (int d = 0; d < shape.rank; ++d)
    text += "[" + std::to_string(shape.sizes[static_cast<std::size_t>(d)]) + "]";
  return text.empty() ? "nothing" : text;
}

[[noreturn]] void fail_rank(std::int64_t rank) {
  throw InvalidArgument("Tensor: expected 1 to 4 dimensions, got " + std::to_string(rank));
}

TensorShape shape_of(std::initializer_list<std::int64_t> sizes) {
  if (sizes.size() > TensorView::kMaxRank) fail_rank(static_cast<std::int64_t>(sizes.size()));
  TensorShape shape;
  for (const std::int64_t size : sizes) shape.sizes[static_cast<std::size_t>(shape.rank++)] = size;
  return shape;
}

// Of the elements of a tensor, or of what would be one: InvalidArgument.
std::int64_t checked_elements(const TensorShape& shape, DataType type) {
  std::int64_t elements = 1;
  bool is_empty = false;
  for (int d = 0; d < shape.rank; ++d) {
    if (shape.sizes[static_cast<std::size_t>(d)] < 0) {
      throw InvalidArgument("Tensor: expected sizes of at least 0, got " + text_of(shape));
    }
    if (shape.sizes[static_cast<std::size_t>(d)] == 0) {
      is_empty = true;
    } else {
      elements = host::checked_product("Tensor", {elements, shape.sizes[static_cast<std::size_t>(d)]});
    }
  }
  host::checked_product("Tensor", {elements, static_cast<std::int64_t>(size_of(type))});
  return is_empty ? 0 : elements;
}

constexpr std::uint64_t kGolden = 0x9e3779b97f4a7c15u;

constexpr std::uint64_t mix(std::uint64_t v) {
  v = (v ^ (v >> 30)) * 0xbf58476d1ce4e5b9u;
  v = (v ^ (v >> 27)) * 0x94d049bb133111ebu;
  return v ^ (v >> 31);
}

template <class E>
E rounded(double value);
template <>
float rounded(double value) {
  return static_cast<float>(value);
}
template <>
double rounded(double value) {
  return value;
}
template <>
host::Bf16 rounded(double value) {
  return host::to_bf16(static_cast<float>(value));
}

// Rows of the innermost dimension, in order.
template <class E>
void fill_rows(const TensorView& tensor, double bound, std::uint64_t counter) {
  const int outer = tensor.rank() - 1;
  std::int64_t rows = 1;
  for (int d = 0; d < outer; ++d) rows *= tensor.size(d);
  for (std::int64_t row = 0; row < rows; ++row) {
    std::int64_t rest = row;
    std::int64_t offset = 0;
    for (int d = outer - 1; d >= 0; --d) {
      offset += rest % tensor.size(d) * tensor.stride(d);
      rest /= tensor.size(d);
    }
    E* const to = static_cast<E*>(tensor.data()) + offset;
    for (std::int64_t i = 0; i < tensor.size(outer); ++i) {
      counter += kGolden;
      const double unit = static_cast<double>(mix(counter) >> 11) * 0x1p-52;  // [0, 2), exact
      to[i] = rounded<E>(bound * (unit - 1));
    }
  }
}

void check_writable(const TensorView& tensor) {
  static constexpr std::string_view kLetters[] = {"d0", "d1", "d2", "d3"};
  if (!tensor.given()) throw InvalidArgument("tensor: expected a tensor, got nothing");
  const auto dim = [&](int d) { return host::Dim{kLetters[d], tensor.size(d)}; };
  switch (tensor.rank()) {
    case 1: return host::check_output("tensor", tensor, tensor.type(), {dim(0)});
    case 2: return host::check_output("tensor", tensor, tensor.type(), {dim(0), dim(1)});
    case 3: return host::check_output("tensor", tensor, tensor.type(), {dim(0), dim(1), dim(2)});
    default: return host::check_output("tensor", tensor, tensor.type(), {dim(0), dim(1), dim(2), dim(3)});
  }
}

template <class View>
View view_at(std::byte* memory, DataType type, const TensorShape& shape) {
  void* const data = memory;
  const auto& s = shape.sizes;
  if (shape.rank == 2) return {data, type, {s[0], s[1]}};
  return {data, type, {s[0], s[1], s[2]}};  // all others have three
}

// f(tensor of the first, ... of the second) for each of a layer's, in the order of LayerWeights.
template <class A, class B, class C, class F>
void each_of(const BasicLayerWeights<A>& shapes, BasicLayerWeights<B>& first, BasicLayerWeights<C>& second,
             F&& f) {
  f(shapes.W, first.W, second.W);
  f(shapes.R, first.R, second.R);
  f(shapes.bW, first.bW, second.bW);
  f(shapes.bR, first.bR, second.bR);
  f(shapes.peephole, first.peephole, second.peephole);
  f(shapes.projection, first.projection, second.projection);
}

std::int64_t whole_lines(std::int64_t elements, std::int64_t in_a_line) {
  return host::checked_sum("LayerTensors", {elements, in_a_line - 1}) / in_a_line * in_a_line;
}

}  // namespace

Buffer::Buffer(std::size_t bytes) : size_(bytes) {
  if (bytes == 0) return;
  const std::size_t alignment = bytes < kHugePage ? kLine : kHugePage;
  const auto fail = [&] { throw OutOfMemory("Buffer: no memory for " + std::to_string(bytes) + " bytes"); };
  if (bytes > std::numeric_limits<std::size_t>::max() / 2) fail();  // rounding it up may wrap
  try {
    memory_ = std::unique_ptr<std::byte[], detail::AlignedFree>(
        static_cast<std::byte*>(::operator new[](bytes, std::align_val_t{alignment})),
        detail::AlignedFree{alignment});
  } catch (const std::bad_alloc&) {
    fail();
  }
  if (alignment == kHugePage) prefer_huge_pages(*this);
  std::memset(memory_.get(), 0, bytes);
}

void detail::AlignedFree::operator()(std::byte* memory) const {
  ::operator delete[](memory, std::align_val_t{alignment});
}

Tensor::Tensor(const TensorShape& shape, DataType type) : shape_(shape), type_(type) {
  if (shape.rank < 1 || shape.rank > TensorView::kMaxRank) fail_rank(shape.rank);
  elements_ = checked_elements(shape_, type);
  // One of no elements has an address too, as every view that is given must.
  memory_ = Buffer(std::max<std::size_t>(1, static_cast<std::size_t>(elements_) * size_of(type)));
}

Tensor::Tensor(std::initializer_list<std::int64_t> shape, DataType type) : Tensor(shape_of(shape), type) {}

void Tensor::check_element(std::size_t size, DataType type) const {
  const bool is_bits = type == DataType::bf16 && type_ == DataType::f16;  // std::uint16_t is for both
  if (shape_.rank != 0 && size == size_of(type_) && (type == type_ || is_bits)) return;
  throw InvalidArgument("values: expected the elements of " + std::string(name_of(type_)) + " " +
                        text_of(shape_) + ", got " +
                        (size == 2 ? std::string("16 bits") : std::string(name_of(type))));
}

void Tensor::check_index(std::int64_t index) const {
  if (shape_.rank < 2 || index < 0 || index >= shape_.sizes[0]) {
    throw InvalidArgument("at: expected an index of the first of two to four dimensions, got " +
                          std::to_string(index) + " of " + text_of(shape_));
  }
}

template <class View, class Self>
View Tensor::step(Self& self, std::int64_t index) {
  self.check_index(index);
  const auto& s = self.shape_.sizes;
  const std::int64_t count = self.elements_ / s[0];
  auto* const data = self.memory_.data() + index * count * static_cast<std::int64_t>(size_of(self.type_));
  switch (self.shape_.rank) {
    case 2: return {data, self.type_, {s[1]}};
    case 3: return {data, self.type_, {s[1], s[2]}};
    default: return {data, self.type_, {s[1], s[2], s[3]}};
  }
}
TensorView Tensor::at(std::int64_t index) { return step<TensorView>(*this, index); }
ConstTensorView Tensor::at(std::int64_t index) const { return step<ConstTensorView>(*this, index); }

template <class View, class Self>
View Tensor::matrix(Self& self) {
  if (self.shape_.rank == 0) return {};
  std::int64_t rows = 1;
  for (int d = 0; d + 1 < self.shape_.rank; ++d) rows *= self.shape_.sizes[d];
  return {self.memory_.data(), self.type_, {rows, self.shape_.sizes[self.shape_.rank - 1]}};
}
TensorView Tensor::rows() { return matrix<TensorView>(*this); }
ConstTensorView Tensor::rows() const { return matrix<ConstTensorView>(*this); }

LayerTensors::LayerTensors(const Spec& spec) : spec_(spec) {
  host::with_memory("LayerTensors", [&] { allocate(); });
}

void LayerTensors::allocate() {
  const Spec& spec = spec_;
  std::vector<BasicLayerWeights<TensorShape>> shapes;
  shapes.push_back(layer_shapes(spec, 0));  // validates L
  for (std::int64_t l = 1; l < spec.layers; ++l) shapes.push_back(layer_shapes(spec, l));
  const auto in_a_line = static_cast<std::int64_t>(kLine / size_of(spec.dtype));
  weights_.resize(shapes.size());
  writable_.resize(shapes.size());

  std::int64_t used = 0;
  const auto each = [&](auto&& f) {
    used = 0;
    for (std::size_t l = 0; l < shapes.size(); ++l) each_of(shapes[l], weights_[l], writable_[l], f);
  };
  const auto take = [&](const TensorShape& shape) {
    const std::int64_t at = used;
    used = host::checked_sum("LayerTensors", {used, whole_lines(shape.elements(), in_a_line)});
    return at;
  };
  each([&](const TensorShape& shape, auto&, auto&) { take(shape); });
  flat_ = Tensor({used}, spec.dtype);
  auto* const memory = static_cast<std::byte*>(flat_.view().data());
  each([&](const TensorShape& shape, ConstTensorView& read, TensorView& write) {
    if (!shape.given()) return;
    const std::int64_t at = take(shape);
    write =
        view_at<TensorView>(memory + static_cast<std::size_t>(at) * size_of(spec.dtype), spec.dtype, shape);
    read = write;
  });
}

void fill_uniform(const TensorView& tensor, double bound, std::uint64_t seed, std::uint64_t stream) {
  check_writable(tensor);
  if (!std::isfinite(bound) || bound < 0) {
    throw InvalidArgument("bound: expected a finite number of at least 0, got " + std::to_string(bound));
  }
  const std::uint64_t counter = mix(seed + kGolden) ^ mix(~stream);
  switch (tensor.type()) {
    case DataType::f32: return fill_rows<float>(tensor, bound, counter);
    case DataType::f64: return fill_rows<double>(tensor, bound, counter);
    case DataType::bf16: return fill_rows<host::Bf16>(tensor, bound, counter);
    default: break;
  }
  throw Unsupported("tensor: uniform numbers are of f32, f64 or bf16, not " +
                    std::string(name_of(tensor.type())));
}

void initialise(LayerTensors& weights, std::uint64_t seed) {
  const double bound = 1 / std::sqrt(static_cast<double>(weights.spec().hidden_size));
  std::uint64_t stream = 0;
  for (const LayerGradients& layer : weights.writable()) {
    for (const TensorView* tensor :
         {&layer.W, &layer.R, &layer.bW, &layer.bR, &layer.peephole, &layer.projection}) {
      if (tensor->given()) fill_uniform(*tensor, bound, seed, stream);
      ++stream;
    }
  }
}

}  // namespace recur
