#include "kernels/gpu_pass/rows.cuh"

template struct recur::gpu_pass::Kernels<recur::DataType::f32>;
template struct recur::gpu_pass::Kernels<recur::DataType::f64>;
template struct recur::gpu_pass::Kernels<recur::DataType::f16>;
template struct recur::gpu_pass::Kernels<recur::DataType::bf16>;
