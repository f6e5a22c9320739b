// The ways in which blocks of a GPU tell each other the results of a step, alone: a recurrent step costs at
// least one. Plain functions over kernels, so that the host that measures them needs no CUDA compiler.
// Everything is asynchronous on a stream.
//
// Each kernel does `steps` exchanges that wait for each other: what a block sends is made of what it got in
// the step before. tests/perf/hops_test.cpp says what comes out.
#pragma once

#include <cstddef>
#include <cstdint>

namespace recur::perf {

constexpr int kHopThreads = 128;  // of a block
constexpr int kLargestCluster = 16;
// Most 16-byte words that a block pushes to each of the others: two buffers for 16 senders are 64 KiB.
constexpr unsigned kMostPushed = 128;
constexpr unsigned kMostPushThreads = 1024;  // of a block

// Within a block: shared memory and __syncthreads. `values` [blocks][kHopThreads]: thread t starts with t,
// and takes that of thread t + 1, plus one.
void launch_block_hops(unsigned* values, int steps, unsigned blocks, void* stream);

// Within clusters: a store to the next block's shared memory and a cluster barrier. `values` [blocks]: a
// block starts with its rank, and takes the previous one's, plus one.
void launch_cluster_hops(unsigned* values, int steps, unsigned cluster, unsigned clusters, void* stream);

// Within clusters: every block pushes `words` 16-byte words to all others, which wait for them at an mbarrier
// that counts their bytes. A block has threads for words of so many peers at once: `groups`, peer d after it
// (from 1) in group (d - 1) % groups. `values` [blocks][groups][words]: a word starts as its block's rank in
// each group, and becomes the sum of those of its group from the blocks as far before, plus its rank.
void launch_pushes(unsigned* values, int steps, unsigned words, unsigned cluster, unsigned clusters,
                   void* stream);
unsigned push_groups(unsigned words, unsigned cluster);
// Shared memory of such a block.
std::size_t push_bytes(unsigned words, unsigned cluster);

// Within a grid: data and a flag in global memory, released and acquired; every block waits for all flags.
// `values` [blocks]: a block starts with its index, and takes the next one's, plus one. `data` [2][blocks].
// `flags` [blocks] are zero before. All blocks must fit on the device at once.
void launch_flag_hops(unsigned* values, unsigned* data, unsigned* flags, int steps, unsigned blocks,
                      void* stream);
// The same with the grid's own barrier.
void launch_grid_hops(unsigned* values, unsigned* data, int steps, unsigned blocks, void* stream);

// Copies `bytes` (a multiple of 16), `times` times over.
void launch_copies(const void* from, void* to, std::size_t bytes, int times, unsigned blocks, void* stream);

// A kernel that does nothing.
void launch_nothing(void* stream);

}  // namespace recur::perf
