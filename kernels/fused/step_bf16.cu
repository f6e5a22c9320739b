#include "kernels/fused/forward.cuh"

template void recur::fused::forward<recur::fused::Operands::bf16>(const Forward&, bool, void*);
