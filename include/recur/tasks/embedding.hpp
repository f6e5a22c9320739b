/// @file An embedding: rows of a table that ids choose. V is the number of rows. Tensors lie in host memory,
/// and the calling thread does the work. T and B may be 0.
#pragma once

#include "recur/export.hpp"
#include "recur/run.hpp"
#include "recur/tensor.hpp"

namespace recur::tasks {

/// out[t][b] = table[ids[t][b]]. Either layout works, as long as ids and out agree.
///
/// @param table  [V][I], f32, f64, bf16 or f16; read only
/// @param ids    int32 [T][B] or [B][T]; read only
/// @param out    [T][B][I] or [B][T][I], dtype of `table`, overlaps nothing; every row is written
/// @throws InvalidArgument for a wrong shape, dtype, pointer, alignment or overlap, and for an id outside
///         [0, V), before anything is written.
RECUR_API void embedding(const ConstTensorView& table, const ConstTensorView& ids, const TensorView& out);

/// The gradient of the table: dtable[v] is the sum of dout[t][b] over all (t, b) with ids[t][b] = v. The
/// terms are added in the order of the ids (outer dimension first), so that equal inputs give equal bits.
///
/// @param ids     as in `embedding`
/// @param dout    [T][B][I], f32 or f64; read only. Its rows past a sequence's end are zero where they come
///                from `recur::backward`, and then add nothing.
/// @param dtable  [V][I], dtype of `dout`, overlaps nothing. `overwrite` also zeroes the rows that no id
///                names; `accumulate` adds to what is there.
/// @param mode    what becomes of the values in dtable
/// @throws InvalidArgument as `embedding` does.
RECUR_API void embedding_backward(const ConstTensorView& ids, const ConstTensorView& dout,
                                  const TensorView& dtable, GradientMode mode = GradientMode::overwrite);

}  // namespace recur::tasks
