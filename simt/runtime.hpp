/// @file
/// What the kernel-side headers call: the emulated machine as seen by the thread that is running. Kernels do
/// not use this header; they include simt/kernel.hpp through kernels/device.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

#include "simt/fault.hpp"

namespace simt {

/// Ends the kernel with a Fault that names the running thread. `format` as printf's.
[[noreturn]] void fail(FaultKind kind, const char* format, ...) __attribute__((format(printf, 2, 3)));

/// Where a barrier's threads come from.
enum class Scope : std::uint8_t { block, cluster, grid };

/// Who must see what is written before a release (PTX .cta, .cluster, .gpu).
enum class MemoryScope : std::uint8_t { block, cluster, device };

// barriers.
/// Arrives and waits. `id` is one of 16 barriers of a block; `threads` 0 stands for all of the scope.
void barrier(Scope scope, int id, unsigned threads, const char* name, Where where);
/// Arrives without waiting (bar.arrive).
void barrier_arrive(int id, unsigned threads, const char* name, Where where);
/// Cluster barrier in two halves.
void cluster_arrive(Where where);
void cluster_wait(Where where);

/// In a dependent launch: from here on the thread knows what the node before it on the stream has done.
void wait_for_node_before();

// warps.
/// All lanes of `mask` that have not exited must come, and all must be in the same operation.
void sync_warp(std::uint32_t mask, Where where);
/// Replaces a value of any size by the one that lane `source` brought. Orders no memory.
void shuffle(std::uint32_t mask, void* value, std::size_t bytes, int source, const char* name, Where where);
unsigned ballot(std::uint32_t mask, bool predicate, Where where);

/// Warp-wide products d = a b + c of fragments, as the PTX ISA lays them out. f32 sums; how a tensor core
/// rounds them is not modelled.
enum class Mma : std::uint8_t { m16n8k16_bf16, m16n8k16_f16, m16n8k8_bf16, m16n8k8_f16, m16n8k8_tf32 };
void mma(Mma kind, float* d, const std::uint32_t* a, const std::uint32_t* b, const float* c, Where where);
/// ldmatrix of `count` (1, 2, 4) 8x8 matrices of 16-bit elements; `row` is what lies at `address`, the row that
/// this lane names, read by the lane itself so that the sanitizers see it.
void load_matrix(std::uint32_t* fragments, int count, bool transposed, const std::uint16_t (&row)[8],
                 const void* address, Where where);

unsigned lane();

// shared memory.
void* dynamic_shared();
/// A slot for one static array of a kernel; every block has its own memory for it.
int register_static_shared(std::size_t bytes, std::size_t alignment);
void* static_shared(int slot);
/// The same address in another block of the cluster.
void* map_shared(const void* address, unsigned rank, Where where);
unsigned cluster_rank();
unsigned cluster_size();

// flags.
/// A scheduling point of a thread that polls. Polling while nothing changes is a livelock.
void poll(Where where);
/// Tells the scheduler that something that others may poll has changed.
void progress();
/// What was written there atomically: every block sees it at once, in the late mode too (launch.hpp).
void write_through(const void* address, std::size_t bytes);
/// Happens-before edges for the race detector, between threads that the scope joins.
void release(const void* address, MemoryScope scope);
void acquire(const void* address, MemoryScope scope);

// asynchronous copies.
/// cp.async: the destination is NaN until the copy's group is waited for; the source is read then. Bytes of
/// the destination past `source_bytes` become zero.
void copy_async(void* shared, const void* global, int bytes, int source_bytes, Where where);
void copy_async_commit();
/// Completes all groups but the last `pending`.
void copy_async_wait(int pending);

// mbarriers, and the asynchronous proxy.
void mbarrier_init(std::uint64_t* barrier, unsigned count, Where where);
void mbarrier_invalidate(std::uint64_t* barrier, Where where);
/// Arrives on a barrier of this block, or (an address from map_shared) of another block of the cluster.
void mbarrier_arrive(std::uint64_t* barrier, unsigned expected_bytes, MemoryScope scope, Where where);
/// Arrives, and releases nothing.
void mbarrier_arrive_relaxed(std::uint64_t* barrier, unsigned expected_bytes, Where where);
/// Adds expected bytes without arriving.
void mbarrier_expect(std::uint64_t* barrier, unsigned bytes, Where where);
/// Counts bytes as arrived on a barrier of any block, and releases nothing. No instruction that a kernel uses
/// does it alone; it is there to be planted.
void mbarrier_complete(std::uint64_t* barrier, unsigned bytes);
/// Whether the phase of this parity is complete. A scheduling point.
bool mbarrier_try_wait(std::uint64_t* barrier, unsigned parity, MemoryScope scope, Where where);

/// st.async: arrives later; the barrier is in the same block's shared memory as the destination. Its arrival
/// releases at cluster scope; a narrower one, which no instruction has, is there to be planted.
void store_async(void* remote, const void* value, int bytes, std::uint64_t* remote_barrier, Where where,
                 MemoryScope scope = MemoryScope::cluster);
/// cp.async.bulk into shared memory (of any block of the cluster), counted by a barrier beside the
/// destination.
void bulk_copy_to_shared(void* destination, const void* source, unsigned bytes, std::uint64_t* barrier,
                         Where where);
/// cp.async.bulk from shared to global memory, in groups of the issuing thread.
void bulk_copy_to_global(void* destination, const void* source, unsigned bytes, Where where);
void bulk_commit();
void bulk_wait(int pending, Where where);
/// fence.proxy.async: writes to this block's shared memory before it can be seen by asynchronous copies after
/// it.
void fence_proxy_async();

/// An access to this block's shared memory, for Statistics: of a lane, at the place in the source that names
/// the warp's instruction. What is not noted is not counted.
void note_shared_access(const void* address, std::size_t bytes, Where where);

/// Fills memory with NaN bytes.
void poison(void* address, std::size_t bytes);

}  // namespace simt
