/// @file
/// Non-owning strided views. A view says where a tensor lies; it never allocates, copies or frees.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <type_traits>

#include "recur/error.hpp"
#include "recur/types.hpp"

namespace recur {

namespace detail {
template <class T>
struct DataTypeOf;
template <>
struct DataTypeOf<float> : std::integral_constant<DataType, DataType::f32> {};
template <>
struct DataTypeOf<double> : std::integral_constant<DataType, DataType::f64> {};
template <>
struct DataTypeOf<std::int32_t> : std::integral_constant<DataType, DataType::i32> {};
template <>
struct DataTypeOf<std::uint8_t> : std::integral_constant<DataType, DataType::u8> {};
}  // namespace detail

/// `DataType` of a C++ element type.
template <class T>
inline constexpr DataType data_type_of = detail::DataTypeOf<std::remove_const_t<T>>::value;

/// A view over elements that are reached through `Pointer` (`void*` or `const void*`). A view owns nothing
/// and checks no size; the call that uses it does.
///
/// - The shape has one to four dimensions, outermost first.
/// - Strides count elements. A call wants an innermost stride of 1; outer strides may leave gaps.
/// - A call wants the data aligned to its elements, on GPUs to 16 bytes.
///
/// A default-constructed view means "not given": that is how an optional argument is left out.
template <class Pointer>
class BasicTensorView {
 public:
  static constexpr int kMaxRank = 4;
  using Sizes = std::array<std::int64_t, kMaxRank>;

  BasicTensorView() = default;

  /// A contiguous view.
  ///
  /// @param data   the first element
  /// @param type   the type of the elements
  /// @param shape  sizes, outermost first
  /// @throws InvalidArgument  for no or more than four dimensions
  BasicTensorView(Pointer data, DataType type, std::initializer_list<std::int64_t> shape)
      : BasicTensorView(data, type, shape, contiguous_strides(shape)) {}

  /// A strided view.
  ///
  /// @param data     the element at index 0 of every dimension
  /// @param type     the type of the elements
  /// @param shape    sizes, outermost first
  /// @param strides  elements from one index of each dimension to the next
  /// @throws InvalidArgument  for no or more than four dimensions, and for another number of strides
  BasicTensorView(Pointer data, DataType type, std::initializer_list<std::int64_t> shape,
                  std::initializer_list<std::int64_t> strides)
      : data_(data), type_(type), rank_(checked_rank(shape.size())) {
    if (strides.size() != shape.size()) {
      throw InvalidArgument("tensor view: expected one stride per dimension");
    }
    copy(shape, shape_);
    copy(strides, strides_);
  }

  /// A contiguous view of typed memory, whose element type gives the `DataType`.
  ///
  /// @param data   the first element: float, double, std::int32_t or std::uint8_t
  /// @param shape  sizes, outermost first
  /// @throws InvalidArgument  for no or more than four dimensions
  template <class T>
  requires(!std::is_void_v<T> && std::is_convertible_v<T*, Pointer>)
      BasicTensorView(T* data, std::initializer_list<std::int64_t> shape)
      : BasicTensorView(static_cast<Pointer>(data), data_type_of<T>, shape) {}

  /// A mutable view is accepted wherever a constant one is.
  template <class Other>
  requires(!std::is_same_v<Other, Pointer> && std::is_convertible_v<Other, Pointer>)
      BasicTensorView(const BasicTensorView<Other>& other)  // NOLINT(google-explicit-constructor)
      : data_(other.data()), type_(other.type()), rank_(other.rank()) {
    for (int d = 0; d < rank_; ++d) {
      shape_[d] = other.size(d);
      strides_[d] = other.stride(d);
    }
  }

  Pointer data() const { return data_; }
  DataType type() const { return type_; }
  int rank() const { return rank_; }  ///< dimensions; 0 for a view that is not given
  /// The size of a dimension, 0 being the outermost; 0 for one from `rank()` to 3.
  std::int64_t size(int dimension) const { return shape_[dimension]; }
  /// Elements from one index of a dimension to the next.
  std::int64_t stride(int dimension) const { return strides_[dimension]; }

  /// False for a default-constructed view ("not given"). A view with a shape and a null pointer is given, and
  /// a call that uses it refuses it unless it has no elements.
  bool given() const { return rank_ != 0; }

 private:
  static int checked_rank(std::size_t rank) {
    if (rank == 0 || rank > kMaxRank) {
      throw InvalidArgument("tensor view: expected 1 to 4 dimensions, got " + std::to_string(rank));
    }
    return static_cast<int>(rank);
  }
  static void copy(std::initializer_list<std::int64_t> from, Sizes& to) {
    int d = 0;
    for (std::int64_t value : from) to[d++] = value;
  }
  struct Contiguous {
    Sizes strides{};
  };
  static Contiguous contiguous_strides(std::initializer_list<std::int64_t> shape) {
    Contiguous result;
    const int rank = checked_rank(shape.size());
    // Unsigned, so that absurd sizes wrap instead of being undefined; validation refuses them later.
    std::uint64_t stride = 1;
    for (int d = rank - 1; d >= 0; --d) {
      result.strides[d] = static_cast<std::int64_t>(stride);
      stride *= static_cast<std::uint64_t>(*(shape.begin() + d));
    }
    return result;
  }
  BasicTensorView(Pointer data, DataType type, std::initializer_list<std::int64_t> shape,
                  const Contiguous& contiguous)
      : data_(data), type_(type), rank_(checked_rank(shape.size())), strides_(contiguous.strides) {
    copy(shape, shape_);
  }

  Pointer data_ = nullptr;
  DataType type_ = DataType::f32;
  int rank_ = 0;
  Sizes shape_{};
  Sizes strides_{};
};

/// A view of memory that a call may write.
using TensorView = BasicTensorView<void*>;
/// A view of memory that a call only reads.
using ConstTensorView = BasicTensorView<const void*>;

}  // namespace recur
