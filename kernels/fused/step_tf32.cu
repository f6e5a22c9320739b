#include "kernels/fused/forward.cuh"

template void recur::fused::forward<recur::fused::Operands::tf32>(const Forward&, bool, void*);
