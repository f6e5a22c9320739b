/// @file
/// What there is to test of the cudnn engine, over cuDNN and over its stand-in alike.
#pragma once

#include "engines/test_device.hpp"

namespace recur::test {

inline constexpr Size kCudnnSizes[] = {
    {1, 1, 1, 1, "the least of everything"},
    {1, 3, 5, 7, "one step; odd sizes"},
    {6, 5, 4, 16, "whole vectors"},
};
inline constexpr Size kCudnnOptionSizes[] = {
    {5, 3, 9, 19, "odd, several sequences that end at different steps"},
};
// What emulation has no time for: sizes that cuDNN's persistent kernels are made for are among them.
inline constexpr Size kCudnnLargeSizes[] = {
    {24, 16, 64, 128, "whole tiles"},
    {1000, 2, 3, 9, "drift over a long sequence"},
};
inline constexpr Size kCudnnLargeOptionSizes[] = {
    {5, 3, 9, 19, "odd, several sequences that end at different steps"},
    {9, 16, 64, 128, "whole tiles"},
};
inline constexpr Size kCudnnBitSizes[] = {
    {5, 9, 3, 24, "several sequences and units"},
};

/// Fills in what cuDNN takes (host/refusals.cpp has the reasons).
inline void describe_cudnn(TestDevice& device) {
  device.engine = EngineId::cudnn;
  device.gaps = false;
  device.empty_sequences = false;
  device.tf32 = false;  // which products cuDNN then rounds is its own choice
  device.types = {DataType::f32, DataType::f64, DataType::bf16, DataType::f16};
  device.option_types = {DataType::f32};
  device.sizes = kCudnnSizes;
  device.option_sizes = kCudnnOptionSizes;
  device.bit_sizes = kCudnnBitSizes;
}

}  // namespace recur::test
