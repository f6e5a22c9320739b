#include "kernels/stepwise/backward.cuh"

template void recur::stepwise::Kernels<recur::DataType::f32>::backward_step(cells::Variant, int,
                                                                            const BackwardStep&, void*);
