#include "kernels/stepwise/forward.cuh"

template void recur::stepwise::Kernels<recur::DataType::f64>::forward_step(cells::Variant, int,
                                                                           const ForwardStep&, void*);
