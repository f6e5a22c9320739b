#include "host/cudnn/combinations.hpp"

#include <algorithm>

namespace recur::host::cudnn {
namespace {

using enum CudnnAlgorithm;
using enum DataType;

constexpr CudnnAlgorithm kAlgorithms[] = {standard, persist_static, persist_dynamic, persist_static_small_h};

// As cudnnSetRNNDescriptor_v8 of 9.19 takes them (tests/cudnn/descriptor_test.cpp asks it).
constexpr TypeRow kTypes[] = {
    {standard, f32, f32},
    {standard, f64, f64},
    {standard, f16, f32},
    {standard, f16, f16},
    {standard, bf16, f32},
    {persist_static, f32, f32},
    {persist_static, f16, f32},
    {persist_static, bf16, f32},
    {persist_dynamic, f32, f32},
    {persist_dynamic, f64, f64},
    {persist_dynamic, f16, f32},
    {persist_dynamic, bf16, f32},
    {persist_static_small_h, f32, f32},
    {persist_static_small_h, f16, f32},
    {persist_static_small_h, bf16, f32},
};

}  // namespace

std::span<const TypeRow> type_rows() { return kTypes; }
std::span<const CudnnAlgorithm> algorithms() { return kAlgorithms; }

DataType math_of(DataType storage) { return storage == f64 ? f64 : f32; }

bool takes_types(CudnnAlgorithm algorithm, DataType storage, DataType math) {
  return std::ranges::any_of(kTypes, [&](const TypeRow& row) {
    return row.algorithm == algorithm && row.storage == storage && row.math == math;
  });
}
bool takes_any_bias(CudnnAlgorithm algorithm) { return algorithm == standard; }
bool takes_projection(CudnnAlgorithm algorithm) { return algorithm == standard; }
// cudnnBuildRNNDynamic: no lengths that vary within a batch. The kernels for a small H have none either.
bool takes_lengths(CudnnAlgorithm algorithm) { return algorithm == standard || algorithm == persist_static; }
// What is compiled belongs to a description of the layer, and dropout describes it anew in every call.
bool takes_dropout(CudnnAlgorithm algorithm) { return algorithm != persist_dynamic; }

}  // namespace recur::host::cudnn
