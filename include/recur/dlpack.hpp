/// @file Tensors of other frameworks, by DLPack (https://dmlc.github.io/dlpack/latest/), as views and back.
/// The functions are templates over DLPack's `DLTensor`, so that this header needs none of DLPack's: include
/// `dlpack/dlpack.h`, or a framework's copy of it, before use. Nothing is copied, and the memory keeps its
/// owner.
#pragma once

#include <array>
#include <concepts>
#include <cstdint>
#include <string>
#include <type_traits>

#include "recur/device.hpp"
#include "recur/tensor.hpp"

namespace recur {

/// DLPack's `DLTensor`, of any version.
template <class Tensor>
concept DlpackTensor = requires(Tensor tensor) {
  { tensor.data } -> std::convertible_to<void*>;
  tensor.device.device_type;
  tensor.device.device_id;
  { tensor.ndim } -> std::convertible_to<int>;
  tensor.dtype.code;
  tensor.dtype.bits;
  tensor.dtype.lanes;
  { tensor.shape } -> std::convertible_to<const std::int64_t*>;
  { tensor.strides } -> std::convertible_to<const std::int64_t*>;
  tensor.byte_offset;
};

namespace detail {
// DLPack's numbers (DLDataTypeCode, DLDeviceType), which are part of its ABI.
struct DlpackType {
  DataType type;
  unsigned code;
  unsigned bits;
};
inline constexpr unsigned kDlpackInt = 0, kDlpackUint = 1, kDlpackFloat = 2, kDlpackBfloat = 4;
inline constexpr DlpackType kDlpackTypes[] = {
    {DataType::f32, kDlpackFloat, 32}, {DataType::f64, kDlpackFloat, 64}, {DataType::bf16, kDlpackBfloat, 16},
    {DataType::f16, kDlpackFloat, 16}, {DataType::i32, kDlpackInt, 32},   {DataType::u8, kDlpackUint, 8},
};
// Read as u8, which is never written so: NumPy, PyTorch and JAX have a mask of bool in bytes of 0 and 1.
inline constexpr DlpackType kDlpackBool = {DataType::u8, 6, 8};
inline constexpr int kDlpackCpu = 1, kDlpackCuda = 2, kDlpackCudaHost = 3, kDlpackCudaManaged = 13;

inline bool is_reachable(int dlpack_device, DeviceKind kind) {
  const bool managed = dlpack_device == kDlpackCudaManaged;
  if (kind == DeviceKind::cpu)
    return dlpack_device == kDlpackCpu || dlpack_device == kDlpackCudaHost || managed;
  return dlpack_device == kDlpackCuda || dlpack_device == kDlpackCudaHost || managed;
}
}  // namespace detail

/// The tensor as a view for plans on a device. The view keeps the strides, which the call that uses it
/// checks. A bool of 8 bits becomes u8, the type of reset masks.
///
/// A producer's flag that memory is read-only (`DLPACK_FLAG_BITMASK_READ_ONLY`) lies in the
/// `DLManagedTensorVersioned` around the tensor, which this function does not see. Look at the flag before
/// you pass the view as an output.
///
/// @param tensor  the DLPack tensor, read; its memory must outlive the view
/// @param device  the device whose plans will use the view
/// @throws InvalidArgument  for more than four dimensions or none, for negative sizes, for vector or unknown
///         types, and for memory that `device` cannot reach, such as that of another CUDA device
template <DlpackTensor Tensor>
TensorView from_dlpack(const Tensor& tensor, const Device& device) {
  const auto fail = [](const std::string& what) { throw InvalidArgument("DLPack tensor: " + what); };
  constexpr int kMostRank = TensorView::kMaxRank;
  const int rank = tensor.ndim;
  if (rank < 1 || rank > kMostRank) fail("expected 1 to 4 dimensions, got " + std::to_string(rank));
  if (tensor.shape == nullptr) fail("shape is null");

  const auto on = static_cast<int>(tensor.device.device_type);
  const bool of_one_device = on == detail::kDlpackCuda;
  if (!detail::is_reachable(on, device.props().kind) ||
      (of_one_device && static_cast<int>(tensor.device.device_id) != device.props().cuda.ordinal)) {
    fail("expected memory that " + device.props().name + " can reach, got DLPack's device type " +
         std::to_string(on) + ", id " + std::to_string(static_cast<int>(tensor.device.device_id)));
  }

  const auto code = static_cast<unsigned>(tensor.dtype.code), bits = static_cast<unsigned>(tensor.dtype.bits);
  const detail::DlpackType* found = nullptr;
  const auto consider = [&](const detail::DlpackType& type) {
    if (type.code == code && type.bits == bits && static_cast<unsigned>(tensor.dtype.lanes) == 1)
      found = &type;
  };
  for (const detail::DlpackType& type : detail::kDlpackTypes) consider(type);
  consider(detail::kDlpackBool);
  if (found == nullptr) {
    fail("expected f32, f64, bf16, f16, i32, u8 or bool in single elements, got DLPack's type code " +
         std::to_string(code) + " of " + std::to_string(bits) + " bits, lanes " +
         std::to_string(static_cast<unsigned>(tensor.dtype.lanes)));
  }

  std::array<std::int64_t, kMostRank> shape{}, strides{};
  for (int d = 0; d < rank; ++d) {
    shape[static_cast<std::size_t>(d)] = tensor.shape[d];
    if (tensor.shape[d] < 0) fail("a size of " + std::to_string(tensor.shape[d]));
  }
  void* const data = tensor.data == nullptr ? nullptr : static_cast<char*>(tensor.data) + tensor.byte_offset;
  const auto view = [&](auto... d) {
    if (tensor.strides == nullptr) return TensorView(data, found->type, {shape[d]...});
    ((strides[d] = tensor.strides[d]), ...);
    return TensorView(data, found->type, {shape[d]...}, {strides[d]...});
  };
  using Index = std::size_t;
  switch (rank) {
    case 1: return view(Index{0});
    case 2: return view(Index{0}, Index{1});
    case 3: return view(Index{0}, Index{1}, Index{2});
    default: return view(Index{0}, Index{1}, Index{2}, Index{3});
  }
}

/// A view as a `DLTensor`, and the shape and strides that it points to: so it is neither copied nor moved.
/// The memory stays the view's; for a framework that takes over ownership put it into a `DLManagedTensor` of
/// your own.
template <DlpackTensor Tensor>
class DlpackView {
 public:
  /// Describes a view to DLPack.
  ///
  /// @param view    the tensor, in memory of `device`
  /// @param device  where it lies
  /// @throws InvalidArgument  for a view that is not given
  DlpackView(const TensorView& view, const Device& device) {
    if (!view.given()) throw InvalidArgument("view: expected a tensor for DLPack, got nothing");
    for (int d = 0; d < view.rank(); ++d) {
      shape_[static_cast<std::size_t>(d)] = view.size(d);
      strides_[static_cast<std::size_t>(d)] = view.stride(d);
    }
    const bool cuda = device.props().kind == DeviceKind::cuda;
    tensor_.data = view.data();
    tensor_.device.device_type =
        static_cast<decltype(tensor_.device.device_type)>(cuda ? detail::kDlpackCuda : detail::kDlpackCpu);
    tensor_.device.device_id = cuda ? device.props().cuda.ordinal : 0;
    tensor_.ndim = view.rank();
    for (const detail::DlpackType& type : detail::kDlpackTypes) {
      if (type.type != view.type()) continue;
      tensor_.dtype.code = static_cast<decltype(tensor_.dtype.code)>(type.code);
      tensor_.dtype.bits = static_cast<decltype(tensor_.dtype.bits)>(type.bits);
    }
    tensor_.dtype.lanes = 1;
    tensor_.shape = shape_.data();
    tensor_.strides = strides_.data();
    tensor_.byte_offset = 0;
  }
  DlpackView(const DlpackView&) = delete;
  DlpackView& operator=(const DlpackView&) = delete;

  Tensor& tensor() { return tensor_; }
  const Tensor& tensor() const { return tensor_; }

 private:
  std::array<std::int64_t, TensorView::kMaxRank> shape_{}, strides_{};
  Tensor tensor_{};  // NOLINT(bugprone-invalid-enum-default-initialization): the constructor sets it
};

}  // namespace recur
