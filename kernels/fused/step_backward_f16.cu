#include "kernels/fused/backward.cuh"

template void recur::fused::backward<recur::fused::Operands::f16>(const Backward&, bool, void*);
template void recur::fused::transpose_R<recur::fused::Operands::f16>(const TransposeR&, void*);
