#include "kernels/stepwise/forward.cuh"

template void recur::stepwise::Kernels<recur::DataType::bf16>::forward_step(cells::Variant, int,
                                                                            const ForwardStep&, void*);
