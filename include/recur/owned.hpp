/// @file
/// Owners of memory. Runs take views of memory that is the caller's; a program that has no memory of its own
/// to lend makes it with these. They allocate when they are made and at no other time. Host memory.
///
///     Tensor x({T, B, I}), y({T, B, H});
///     LayerTensors weights(spec);
///     initialise(weights, 1);
///     Buffer workspace(plan.sizes().workspace);
///     args.x = x.view();
///     args.y = y.view();
///     forward(plan, context, Stream(), weights.weights(), args, workspace);
///
/// All of them are moved and not copied. A move leaves the memory where it is, so that views stay good; what
/// was moved from can be assigned to and destroyed.
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

/// Bytes, zeros at first, at a multiple of 64 as workspaces, reserves and prepared weights want them. From 2
/// MiB on they begin at a multiple of that and the system is asked for huge pages (`prefer_huge_pages`). A
/// `std::span` of bytes takes one as it is.
class RECUR_API Buffer {
 public:
  Buffer() = default;
  /// @throws OutOfMemory where the system has not as many.
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
  /// One to four dimensions, outermost first, each at least 0. @throws InvalidArgument for others and for a
  /// size that no memory has; OutOfMemory.
  // NOLINTNEXTLINE(google-explicit-constructor): sizes are no tensor
  explicit Tensor(std::initializer_list<std::int64_t> shape, DataType type = DataType::f32);
  explicit Tensor(const TensorShape& shape, DataType type = DataType::f32);

  /// All of it; not given where it was made without arguments.
  TensorView view() { return shaped<TensorView>(*this); }
  ConstTensorView view() const { return shaped<ConstTensorView>(*this); }
  /// One index of the outermost dimension: of [T][B][I] the step [B][I]. @throws InvalidArgument for an index
  /// that the tensor does not have, and for a tensor of fewer than two dimensions.
  TensorView at(std::int64_t index);
  ConstTensorView at(std::int64_t index) const;
  /// As rows of the innermost dimension: [T][B][H] as [T*B][H], which `recur/tasks/` takes.
  TensorView rows();
  ConstTensorView rows() const;

  DataType type() const { return type_; }
  const TensorShape& shape() const { return shape_; }
  std::int64_t elements() const { return elements_; }
  /// The elements in order. T is the type's C++ type; `std::uint16_t` for the bits of bf16 and f16. @throws
  /// InvalidArgument for another.
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
/// their gradients. Each is at a multiple of 64 bytes.
class RECUR_API LayerTensors {
 public:
  /// @throws InvalidArgument for a Spec that can never work; OutOfMemory.
  explicit LayerTensors(const Spec& spec);

  const Spec& spec() const { return spec_; }
  /// As `forward`, `backward` and `prepare_weights` take weights: L entries.
  std::span<const LayerWeights> weights() const { return weights_; }
  /// As `BackwardArgs::dweights` and the converters of others' weights take what they write: L entries.
  std::span<const LayerGradients> writable() { return writable_; }
  /// All elements as one tensor [N], for optimisers and norms. N counts what lies between the tensors too:
  /// zeros, as long as nobody writes anything else there.
  TensorView flat() { return flat_.view(); }
  ConstTensorView flat() const { return flat_.view(); }

 private:
  void allocate();

  Spec spec_;
  Tensor flat_;
  std::vector<LayerWeights> weights_;
  std::vector<LayerGradients> writable_;
};

/// Uniform numbers in [-bound, bound], the same on every machine. Element n, counted in row-major order, is
///
///     bound * (floor(mix(c + (n+1) * g) / 2^11) * 2^-52 - 1),  c = mix(seed + g) xor mix(not stream),
///
/// rounded to f32 unless the tensor is f64, and then to the tensor's type; g = 0x9e3779b97f4a7c15, mix is the
/// finaliser of SplitMix64 (Steele, Lea & Flood 2014), integers are of 64 bits and wrap. Streams of one seed
/// are independent of each other.
///
/// @param tensor  f32, f64 or bf16 of any shape; host memory
/// @throws InvalidArgument for a view that no call would write to, and for a bound that is negative or not
///         finite; Unsupported for another type.
RECUR_API void fill_uniform(const TensorView& tensor, double bound, std::uint64_t seed,
                            std::uint64_t stream = 0);

/// Weights to begin a training with, as PyTorch's layers have them: all of them, biases too, uniform in
/// [-1/sqrt(H), 1/sqrt(H)]. The tensors of layer l are the streams 6 l + 0 to 5 of the seed, in the order of
/// `LayerWeights`. @throws Unsupported for f16.
RECUR_API void initialise(LayerTensors& weights, std::uint64_t seed);

}  // namespace recur
