// Views of DLPack's tensors and back, with DLPack's own header.
#include "recur/dlpack.hpp"

#include <dlpack/dlpack.h>
#include <gtest/gtest.h>

#include <vector>

namespace recur::test {
namespace {

const Device kCpu = Device::cpu();

Device cuda(int ordinal) {
  DeviceProps props;
  props.kind = DeviceKind::cuda;
  props.name = "a GPU";
  props.cuda.ordinal = ordinal;
  return Device::from_props(props);
}

// What DLPack numbers as we do.
static_assert(kDLInt == detail::kDlpackInt && kDLUInt == detail::kDlpackUint &&
              kDLFloat == detail::kDlpackFloat && kDLBfloat == detail::kDlpackBfloat);
static_assert(int{kDLCPU} == detail::kDlpackCpu && int{kDLCUDA} == detail::kDlpackCuda &&
              int{kDLCUDAHost} == detail::kDlpackCudaHost &&
              int{kDLCUDAManaged} == detail::kDlpackCudaManaged);

class Dlpack : public ::testing::Test {
 protected:
  float memory_[24] = {};
  std::int64_t shape_[5] = {2, 3, 4, 1, 1};
  std::int64_t strides_[3] = {12, 4, 1};
  DLTensor tensor_ = {memory_, {kDLCPU, 0}, 3, {kDLFloat, 32, 1}, shape_, nullptr, 0};

  void expect_refused(const std::string& message, const Device& device = kCpu) {
    try {
      static_cast<void>(from_dlpack(tensor_, device));
      ADD_FAILURE() << message;
    } catch (const InvalidArgument& error) {
      EXPECT_NE(std::string(error.what()).find(message), std::string::npos) << error.what();
    }
  }
};

TEST_F(Dlpack, DenseAndStrided) {
  const TensorView dense = from_dlpack(tensor_, kCpu);
  ASSERT_EQ(dense.rank(), 3);
  EXPECT_EQ(dense.data(), memory_);
  EXPECT_EQ(dense.type(), DataType::f32);
  EXPECT_EQ(dense.size(1), 3);
  EXPECT_EQ(dense.stride(0), 12) << "no strides mean a dense tensor";
  shape_[1] = 2;
  tensor_.strides = strides_;
  tensor_.byte_offset = 16;
  const TensorView strided = from_dlpack(tensor_, kCpu);
  EXPECT_EQ(strided.data(), memory_ + 4);
  EXPECT_EQ(strided.size(1), 2);
  EXPECT_EQ(strided.stride(0), 12);
}

TEST_F(Dlpack, ThereAndBackInEveryTypeAndRank) {
  for (const detail::DlpackType& type : detail::kDlpackTypes) {
    for (int rank = 1; rank <= 4; ++rank) {
      tensor_.ndim = rank;
      tensor_.dtype = {static_cast<std::uint8_t>(type.code), static_cast<std::uint8_t>(type.bits), 1};
      const TensorView view = from_dlpack(tensor_, kCpu);
      EXPECT_EQ(view.type(), type.type);
      const DlpackView<DLTensor> back(view, kCpu);
      const DLTensor& again = back.tensor();
      EXPECT_EQ(again.data, memory_);
      EXPECT_EQ(again.device.device_type, kDLCPU);
      EXPECT_EQ(again.ndim, rank);
      EXPECT_EQ(again.dtype.code, tensor_.dtype.code);
      EXPECT_EQ(again.dtype.bits, tensor_.dtype.bits);
      EXPECT_EQ(again.dtype.lanes, 1);
      for (int d = 0; d < rank; ++d) {
        EXPECT_EQ(again.shape[d], view.size(d));
        EXPECT_EQ(again.strides[d], view.stride(d));
      }
    }
  }
}

// Masks of bool are u8; what goes back is what calls take, u8.
TEST_F(Dlpack, BoolsAreBytes) {
  constexpr std::uint8_t kBool = 6;  // kDLBool, which older headers do not have
  tensor_.dtype = {kBool, 8, 1};
  const TensorView view = from_dlpack(tensor_, kCpu);
  EXPECT_EQ(view.type(), DataType::u8);
  EXPECT_EQ(view.data(), memory_);
  const DlpackView<DLTensor> back(view, kCpu);
  EXPECT_EQ(back.tensor().dtype.code, kDLUInt);
  EXPECT_EQ(back.tensor().dtype.bits, 8);
  tensor_.dtype = {kBool, 1, 1};
  expect_refused("u8 or bool in single elements, got DLPack's type code 6 of 1 bits");
  tensor_.dtype = {kBool, 8, 4};
  expect_refused("lanes 4");
}

TEST_F(Dlpack, MemoryOfDevices) {
  tensor_.device = {kDLCUDA, 1};
  EXPECT_EQ(from_dlpack(tensor_, cuda(1)).data(), memory_);
  expect_refused("expected memory that a GPU can reach, got DLPack's device type 2, id 1", cuda(0));
  expect_refused("can reach");
  for (DLDeviceType shared : {kDLCUDAHost, kDLCUDAManaged}) {
    tensor_.device = {shared, 0};
    EXPECT_EQ(from_dlpack(tensor_, cuda(1)).data(), memory_);
    EXPECT_EQ(from_dlpack(tensor_, kCpu).data(), memory_);
  }
  tensor_.device = {kDLCPU, 0};
  expect_refused("can reach", cuda(0));
  const DlpackView<DLTensor> view(TensorView(memory_, {24}), cuda(3));
  EXPECT_EQ(view.tensor().device.device_type, kDLCUDA);
  EXPECT_EQ(view.tensor().device.device_id, 3);
}

TEST_F(Dlpack, WhatIsRefused) {
  tensor_.ndim = 0;
  expect_refused("expected 1 to 4 dimensions, got 0");
  tensor_.ndim = 5;
  expect_refused("expected 1 to 4 dimensions, got 5");
  tensor_.ndim = 3;
  tensor_.dtype.lanes = 4;
  expect_refused("lanes 4");
  tensor_.dtype = {kDLInt, 64, 1};
  expect_refused("type code 0 of 64 bits");
  tensor_.dtype = {kDLFloat, 32, 1};
  shape_[1] = -1;
  expect_refused("a size of -1");
  tensor_.shape = nullptr;
  expect_refused("shape is null");
  EXPECT_THROW((DlpackView<DLTensor>(TensorView(), kCpu)), InvalidArgument);
}

}  // namespace
}  // namespace recur::test
