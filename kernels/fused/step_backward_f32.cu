#include "kernels/fused/backward.cuh"

template void recur::fused::backward<recur::fused::Operands::f32>(const Backward&, bool, void*);
template void recur::fused::transpose_R<recur::fused::Operands::f32>(const TransposeR&, void*);
