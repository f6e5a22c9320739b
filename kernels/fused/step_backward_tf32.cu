#include "kernels/fused/backward.cuh"

template void recur::fused::backward<recur::fused::Operands::tf32>(const Backward&, bool, void*);
template void recur::fused::transpose_R<recur::fused::Operands::tf32>(const TransposeR&, void*);
