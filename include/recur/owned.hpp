/// @file Owners of host memory. Calls take views of the caller's memory; these classes make such memory for a
/// program that has none of its own to lend. They allocate when they are made and at no other time.
///
///     Tensor x({T, B, I}), y({T, B, H});
///     LayerTensors weights(spec);
///     initialise(weights, 1);
///     Buffer workspace(plan.sizes().workspace);
///     args.x = x.view();
///     args.y = y.view();
///     forward(plan, context, Stream(), weights.weights(), args, workspace);
///
/// All of them can be moved and not copied. A move leaves the memory where it is, so that views stay valid.
/// An object that was moved from can be assigned to and destroyed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "recur/export.hpp"
#include "recur/spec.hpp"
#include "recur/tensor.hpp"
#include "recur/weights.hpp"

namespace recur {

namespace detail {
struct AlignedFree {
  std::size_t alignment = 1;
  RECUR_API void operator()(std::byte* memory) const;
};
}  // namespace detail

/// Bytes for a workspace, a reserve or prepared weights, zeros at first. They begin at a multiple of 64. From
/// 2 MiB on they begin at a multiple of 2 MiB, and the system is asked for huge pages (`prefer_huge_pages`).
/// A Buffer converts to a `std::span` of bytes.
class RECUR_API Buffer {
 public:
  Buffer() = default;
  /// Allocates.
  ///
  /// @param bytes  how many; 0 makes an empty buffer
  /// @throws OutOfMemory  where the system has no such memory
  explicit Buffer(std::size_t bytes);
  Buffer(Buffer&& other) noexcept : size_(std::exchange(other.size_, 0)), memory_(std::move(other.memory_)) {}
  Buffer& operator=(Buffer&& other) noexcept {
    size_ = std::exchange(other.size_, 0);
    memory_ = std::move(other.memory_);
    return *this;
  }

  std::byte* data() { return memory_.get(); }  ///< null where `size()` is 0
  const std::byte* data() const { return memory_.get(); }
  std::size_t size() const { return size_; }
  std::byte* begin() { return data(); }
  std::byte* end() { return data() + size_; }
  const std::byte* begin() const { return data(); }
  const std::byte* end() const { return data() + size_; }

 private:
  std::size_t size_ = 0;
  std::unique_ptr<std::byte[], detail::AlignedFree> memory_;
};

/// A dense tensor, zeros at first.
class RECUR_API Tensor {
 public:
  Tensor() = default;
  /// Allocates.
  ///
  /// @param shape  one to four sizes, outermost first, each at least 0
  /// @param type   the type of the elements
  /// @throws InvalidArgument  for another number of dimensions, a negative size, and sizes whose product
  ///         passes 64 bits
  /// @throws OutOfMemory  where the system has no such memory
  // NOLINTNEXTLINE(google-explicit-constructor): sizes are no tensor
  explicit Tensor(std::initializer_list<std::int64_t> shape, DataType type = DataType::f32);
  explicit Tensor(const TensorShape& shape, DataType type = DataType::f32);

  /// A view of the whole tensor; not given for a default-constructed one.
  TensorView view() { return shaped<TensorView>(*this); }
  ConstTensorView view() const { return shaped<ConstTensorView>(*this); }
  /// A view of one index of the outermost dimension, such as the step [B][I] of [T][B][I].
  ///
  /// @param index  from 0 to the outermost size, exclusive
  /// @throws InvalidArgument  for another index, and for a tensor of fewer than two dimensions
  TensorView at(std::int64_t index);
  ConstTensorView at(std::int64_t index) const;
  /// A view as rows of the innermost dimension: [T][B][H] as [T*B][H], which the functions of `recur/tasks/`
  /// take.
  TensorView rows();
  ConstTensorView rows() const;

  DataType type() const { return type_; }
  const TensorShape& shape() const { return shape_; }
  std::int64_t elements() const { return elements_; }
  /// The elements in row-major order. T is the C++ type of `type()`; for bf16 and f16 it is `std::uint16_t`,
  /// which has their bits.
  ///
  /// @throws InvalidArgument  for another T
  template <class T>
  std::span<T> values() {
    check_element(sizeof(T), data_type_or_bits<T>());
    return {reinterpret_cast<T*>(memory_.data()), static_cast<std::size_t>(elements_)};
  }
  template <class T>
  std::span<const T> values() const {
    check_element(sizeof(T), data_type_or_bits<T>());
    return {reinterpret_cast<const T*>(memory_.data()), static_cast<std::size_t>(elements_)};
  }

 private:
  template <class T>
  static constexpr DataType data_type_or_bits() {
    if constexpr (std::is_same_v<std::remove_const_t<T>, std::uint16_t>) {
      return DataType::bf16;
    } else {
      return data_type_of<T>;
    }
  }
  void check_element(std::size_t size, DataType type) const;
  void check_index(std::int64_t index) const;

  template <class View, class Self>
  static View shaped(Self& self) {
    const TensorShape& s = self.shape_;
    switch (s.rank) {
      case 0: return {};
      case 1: return {self.memory_.data(), self.type_, {s.sizes[0]}};
      case 2: return {self.memory_.data(), self.type_, {s.sizes[0], s.sizes[1]}};
      case 3: return {self.memory_.data(), self.type_, {s.sizes[0], s.sizes[1], s.sizes[2]}};
      default: return {self.memory_.data(), self.type_, {s.sizes[0], s.sizes[1], s.sizes[2], s.sizes[3]}};
    }
  }
  template <class View, class Self>
  static View step(Self& self, std::int64_t index);
  template <class View, class Self>
  static View matrix(Self& self);

  Buffer memory_;
  TensorShape shape_;
  DataType type_ = DataType::f32;
  std::int64_t elements_ = 0;
};

/// The canonical tensors (weights.hpp) of all layers of a Spec in one allocation, zeros at first: weights, or
/// their gradients. Each tensor begins at a multiple of 64 bytes.
class RECUR_API LayerTensors {
 public:
  /// Allocates.
  ///
  /// @param spec  the layers
  /// @throws InvalidArgument  for a Spec that can never work
  /// @throws OutOfMemory      where the system has no such memory
  explicit LayerTensors(const Spec& spec);

  const Spec& spec() const { return spec_; }
  /// L entries, as `forward`, `backward` and `prepare_weights` take weights.
  std::span<const LayerWeights> weights() const { return weights_; }
  /// L entries, as `BackwardArgs::dweights` and the functions of weight_formats.hpp take what they write.
  std::span<const LayerGradients> writable() { return writable_; }
  /// All elements as one tensor [N], for optimisers and norms. N also counts the gaps between the tensors,
  /// which stay zero as long as nobody writes to them.
  TensorView flat() { return flat_.view(); }
  ConstTensorView flat() const { return flat_.view(); }

 private:
  void allocate();

  Spec spec_;
  Tensor flat_;
  std::vector<LayerWeights> weights_;
  std::vector<LayerGradients> writable_;
};

/// Fills a tensor with uniform numbers in [-bound, bound], the same on every machine. Element n, counted in
/// row-major order, is
///
///     bound * (floor(mix(c + (n+1) * g) / 2^11) * 2^-52 - 1),  c = mix(seed + g) xor mix(not stream),
///
/// rounded to f32 unless the tensor is f64, and then to the tensor's type; g = 0x9e3779b97f4a7c15, mix is the
/// finaliser of SplitMix64 (Steele, Lea & Flood 2014), integers are of 64 bits and wrap. Streams of one seed
/// are independent of each other.
///
/// @param tensor  f32, f64 or bf16 of any shape, in host memory, overwritten
/// @param bound   finite, at least 0
/// @param seed    any number
/// @param stream  which of the seed's sequences of numbers
/// @throws InvalidArgument  for a view that no call would write to, and for another bound
/// @throws Unsupported      for another type
RECUR_API void fill_uniform(const TensorView& tensor, double bound, std::uint64_t seed,
                            std::uint64_t stream = 0);

/// Fills weights as PyTorch's layers begin: all of them, biases too, are uniform in [-1/sqrt(H), 1/sqrt(H)].
/// The tensors of layer l take the streams 6 l + 0 to 6 l + 5 of the seed, in the order of `LayerWeights`.
///
/// @param weights  the tensors, overwritten
/// @param seed     any number
/// @throws Unsupported  for f16
RECUR_API void initialise(LayerTensors& weights, std::uint64_t seed);

}  // namespace recur
