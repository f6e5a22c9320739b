/// @file
/// An affine layer over rows in host memory, by the calling thread or a team. R is the number of rows, O the
/// number of outputs.
///
/// R may be 0: nothing is read, dW and db are zero, or stay where they accumulate.
///
/// Views have rank 2. Pass the output of a recurrent layer, dense [T][B][D*H], as [T*B][D*H]. Every sum runs
/// in one fixed order, whatever the sizes and the threads, so that a row of y or dx depends on its own inputs
/// alone. The CPU engine's kernel for the machine's instruction set forms the products.
#pragma once

#include "recur/context.hpp"
#include "recur/export.hpp"
#include "recur/run.hpp"
#include "recur/tensor.hpp"

namespace recur::tasks {

/// Arguments of `affine`. All views are f32, or all are f64.
struct AffineArgs {
  ConstTensorView x = {};  ///< [R][I]
  ConstTensorView W = {};  ///< [O][I]
  ConstTensorView b = {};  ///< [O]; not given: zeros
  TensorView y = {};       ///< [R][O], overlaps nothing
  /// Threads that share the work, which changes no bits; null: the calling thread alone.
  ThreadTeam* team = nullptr;
};

/// y = x W^T + b.
///
/// @param args  the tensors
/// @throws InvalidArgument  for a wrong shape, dtype, pointer, alignment or overlap, and for a team that runs
///         another call, before anything is written
RECUR_API void affine(const AffineArgs& args);

/// Arguments of `affine_backward`. A gradient that is not given is not computed; inputs that only it needs
/// may then be left out.
struct AffineBackwardArgs {
  ConstTensorView x = {};                       ///< [R][I]; needed for dW
  ConstTensorView W = {};                       ///< [O][I]; needed for dx
  ConstTensorView dy = {};                      ///< [R][O]
  TensorView dx = {};                           ///< [R][I], always overwritten; overlaps nothing
  TensorView dW = {};                           ///< [O][I]; overlaps nothing
  TensorView db = {};                           ///< [O]; overlaps nothing
  GradientMode mode = GradientMode::overwrite;  ///< of dW and db
  ThreadTeam* team = nullptr;                   ///< as in `AffineArgs`
};

/// dx = dy W, dW = dy^T x, and db is the sum over the rows of dy.
///
/// @param args  the tensors
/// @throws InvalidArgument  as `affine` does, and where no gradient is given
RECUR_API void affine_backward(const AffineBackwardArgs& args);

}  // namespace recur::tasks
