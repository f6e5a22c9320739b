#include "kernels/fused/forward.cuh"

template void recur::fused::forward<recur::fused::Operands::f32>(const Forward&, bool, void*);
