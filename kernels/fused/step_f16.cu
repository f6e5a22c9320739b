#include "kernels/fused/forward.cuh"

template void recur::fused::forward<recur::fused::Operands::f16>(const Forward&, bool, void*);
