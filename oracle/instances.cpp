// What the headers declare as instantiated elsewhere: here, once and optimised.
#include "oracle/backward.hpp"

namespace recur::oracle {

template Result<double> forward(const Problem<double>&, RoundNothing);
template Result<long double> forward(const Problem<long double>&, RoundNothing);
template Result<float128> forward(const Problem<float128>&, RoundNothing);
template Result<float> forward(const Problem<float>&, RoundNothing);
template Result<float> forward(const Problem<float>&, RoundOperandsToTf32);
template Result<float> forward(const Problem<float>&, RoundToBf16);
template Result<float> forward(const Problem<float>&, RoundToF16);

template Gradients<double> backward(const Problem<double>&, const Result<double>&,
                                    const OutputGradients<double>&, RoundNothing);
template Gradients<long double> backward(const Problem<long double>&, const Result<long double>&,
                                         const OutputGradients<long double>&, RoundNothing);
template Gradients<float128> backward(const Problem<float128>&, const Result<float128>&,
                                      const OutputGradients<float128>&, RoundNothing);
template Gradients<float> backward(const Problem<float>&, const Result<float>&, const OutputGradients<float>&,
                                   RoundNothing);
template Gradients<float> backward(const Problem<float>&, const Result<float>&, const OutputGradients<float>&,
                                   RoundOperandsToTf32);
template Gradients<float> backward(const Problem<float>&, const Result<float>&, const OutputGradients<float>&,
                                   RoundToBf16);
template Gradients<float> backward(const Problem<float>&, const Result<float>&, const OutputGradients<float>&,
                                   RoundToF16);

}  // namespace recur::oracle
