// How many threads a layer's primitives may be made for.
#pragma once

#include "host/onednn/layer.hpp"

namespace recur::host::onednn {

// The most of the plan's threads for which oneDNN can be asked to cut up every layer's products. Up to 3.2 at
// least it fails, with the process, where it looks for a block of a product's rows that lets all threads have
// as many blocks and finds none:
//   - rnn; by its source lstm backward too, which on AVX2 it does not cut up so;
//   - the product's left side is larger than half of the L2 that oneDNN takes the processor to have;
//   - its blocks of columns are at least as many as the threads, but no multiple of them;
//   - no number from 8 up to half of its rows divides them.
// Its `brgemm_calc_m_block_vanilla_rnn` has the search (src/cpu/x64/rnn/rnn_brgemm_utils.cpp).
int threads_of(const Geometry& g, const RunSizes& sizes);

}  // namespace recur::host::onednn
