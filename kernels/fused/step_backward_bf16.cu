#include "kernels/fused/backward.cuh"

template void recur::fused::backward<recur::fused::Operands::bf16>(const Backward&, bool, void*);
template void recur::fused::transpose_R<recur::fused::Operands::bf16>(const TransposeR&, void*);
