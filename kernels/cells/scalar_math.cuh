// Nonlinearities of plain float and double, for host code that is not vectorised and for device code that
// wants the accurate functions of the CUDA math library.
#pragma once

#include <cmath>

#include "kernels/cells/unit.cuh"

namespace recur::cells {

struct ScalarMath {
  template <class V>
  RECUR_HD static V sigmoid(V x) {
    using std::exp;
    return V(1) / (V(1) + exp(-x));
  }
  template <class V>
  RECUR_HD static V tanh(V x) {
    using std::tanh;
    return tanh(x);
  }
  // Written so that NaN passes through.
  template <class V>
  RECUR_HD static V relu(V x) {
    return x <= V(0) ? V(0) : x;
  }
  template <class V>
  RECUR_HD static V where_positive(V condition, V value) {
    return condition <= V(0) ? V(0) : value;
  }
};

}  // namespace recur::cells
