/// @file
/// The emulated machine's state while a kernel runs. Internal to simt.
///
/// Threads are fibers of one CPU thread, so nothing here is locked. A Group is what runs at once: all blocks
/// of a cooperative grid, the blocks of one cluster, or one block.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "simt/fiber.hpp"
#include "simt/late.hpp"
#include "simt/launch.hpp"
#include "simt/runtime.hpp"

namespace simt {

struct Thread;
struct Warp;
struct Block;
struct Cluster;
struct Group;

inline constexpr unsigned kWarpSize = 32;
inline constexpr int kNamedBarriers = 16;

struct Barrier {
  unsigned arrived = 0;
  unsigned expected = 0;    // of a named barrier, as its first arrival said
  unsigned generation = 0;  // completed phases
  Where first_where;
  const char* name = "";
  Thread* first = nullptr;
  std::vector<Thread*> waiting;
  // Of even and odd generations: a thread may arrive at the next phase before another has left this one.
  char tags[2] = {};
};

// cp.async: done when the thread waits.
struct LocalCopy {
  std::byte* destination;
  const std::byte* source;
  int bytes, source_bytes;
  int group;
};

struct Thread {
  Thread() {}  // not filled with zeros first: a kernel makes them by the hundred
  /// As it was before it ran; its place in the block stays.
  void begin_anew();

  uint3 index{};
  unsigned linear = 0;
  unsigned lane = 0;
  Warp* warp = nullptr;
  Block* block = nullptr;
  Fiber fiber;
  const char* doing = "start";
  Where where;
  bool done = false;
  unsigned cluster_generation = 0;  // of the cluster barrier it arrived at and has not waited for
  bool cluster_arrived = false;
  std::vector<LocalCopy> copies;
  int copy_group = 0;
  int bulk_group = 0;
  std::map<int, int> bulk_pending;  // copies under way, by group
  char bulk_tag = 0;
};

// One collective of a warp: what each lane brought, indexed by lane.
struct WarpCall {
  std::uint32_t mask;     // lanes that must come
  std::uint32_t arrived;  // lanes that came
  void* argument[kWarpSize];
};

// Lanes of a mask on their way into one collective.
struct WarpOperation {
  WarpCall call{};
  const void* kind = nullptr;
  const char* name = "";
  Where where;
  char* tag = nullptr;  // happens-before
};

// An instruction of a warp that reaches shared memory, and all of one place in the source.
struct SharedAccess {
  std::uint32_t lanes = 0;
  unsigned bytes = 0;  // of a lane
  std::uintptr_t addresses[kWarpSize] = {};
};
struct SharedSite {
  std::vector<SharedAccess> accesses;
  unsigned turns[kWarpSize] = {};  // of each lane
};

struct Warp {
  Block* block = nullptr;
  Thread* threads[kWarpSize] = {};
  std::uint32_t existing = 0;
  std::uint32_t ready = 0;
  std::uint32_t polling = 0;
  std::uint32_t done = 0;
  std::vector<WarpOperation> operations;
  // A tag outlives its operation: lanes acquire it when they run again. More than can be open at once.
  char tags[64] = {};
  unsigned tags_taken = 0;
  std::map<std::pair<const char*, int>, SharedSite> shared_sites;

  /// As it was before its threads ran, all of which are ready.
  void begin_anew();
};

struct SharedRegion {
  std::byte* data = nullptr;
  std::size_t bytes = 0;
  // What asynchronous copies see: as of the last proxy fence. Made by the first.
  std::vector<std::byte> published;
};

struct Block {
  uint3 index{};
  dim3 extent;        // the launch's block
  unsigned rank = 0;  // in its cluster
  Cluster* cluster = nullptr;
  Group* group = nullptr;
  std::vector<Thread> threads;  // made at once: pointers to them stay
  std::vector<std::unique_ptr<Warp>> warps;
  unsigned exited = 0;
  Barrier barriers[kNamedBarriers];
  SharedRegion dynamic_memory;
  std::vector<SharedRegion> static_memory;  // by slot

  ~Block();
  bool finished() const { return exited == threads.size(); }
  /// As it was before it ran, without shared memory: for the next launch whose blocks have its extent.
  void begin_anew();
};

struct Cluster {
  std::vector<Block*> blocks;
  Barrier barrier;
  unsigned alive() const;
};

// State of an mbarrier; the 64 bits in shared memory only hold a mark.
struct TransactionBarrier {
  Block* owner = nullptr;
  unsigned count = 0;      // arrivals a phase needs
  unsigned pending = 0;    // arrivals still missing
  std::int64_t bytes = 0;  // expected and not yet arrived; negative when they came before they were expected
  unsigned phase = 0;      // completed phases
  Where init_where;
  char block_tag = 0;    // arrivals of the owner's threads
  char cluster_tag = 0;  // arrivals of cluster scope
};

// A copy of the asynchronous proxy on its way.
struct RemoteCopy {
  std::byte* destination;
  const std::byte* source;  // null: `value` was taken when it was issued
  std::vector<std::byte> value;
  std::size_t bytes;
  std::uint64_t* barrier;    // counts it, or
  Thread* thread = nullptr;  // whose bulk group counts it
  int group = 0;
  std::unique_ptr<char> issued;  // happens-before tag
  const Block* from = nullptr;
  MemoryScope scope = MemoryScope::cluster;  // of its release
};

struct Group {
  const Launch* launch = nullptr;
  std::vector<std::unique_ptr<Block>> blocks;
  std::vector<std::unique_ptr<Cluster>> clusters;
  std::vector<Warp*> warps;
  std::size_t alive = 0;
  std::size_t threads = 0;
  Barrier barrier;
  std::map<const std::uint64_t*, TransactionBarrier> transaction_barriers;
  std::deque<RemoteCopy> remote_copies;
  // Tags of releases: of an address, for the threads of a block, of a cluster, or all (null).
  std::map<std::pair<const void*, const void*>, std::unique_ptr<char>> flag_tags;
  std::unique_ptr<Late> late;  // null: stores are seen at once
};

// What outlives a kernel.
struct Machine {
  Thread* self = nullptr;  // running, null in the scheduler
  Group* group = nullptr;
  bool grid_is_one_group = false;
  std::uint64_t epoch = 0;  // changes that a poller may wait for
  bool failed = false;
  bool late = false;
  bool counting = false;
  FaultKind fault_kind = FaultKind::misuse;
  std::string fault;
  std::mt19937 random;
  Schedule schedule;
  DeviceModel device = DeviceModel::h100();
  Statistics statistics;
};
// Made when it is first asked for, and never again.
extern Machine* the_machine;
Machine& make_machine();
inline Machine& machine() { return the_machine != nullptr ? *the_machine : make_machine(); }

// Unwinds a fiber after a fault; never leaves it.
struct Abandoned {};

std::string describe(const Thread& thread);
std::string describe(const Where& where);

// Waits for all lanes of `mask`; the last one runs `compute` for all. `kind` tells operations apart: all
// lanes of a mask must be in the same. `orders_memory` as __syncwarp does and the shuffles do not.
void warp_collective(std::uint32_t mask, const void* kind, const char* name, void* argument,
                     void (*compute)(WarpCall&), bool orders_memory, Where where);

// The thread leaves until someone makes it ready.
void block_thread(const char* doing, Where where);
void make_ready(Thread& thread);
// Threads of the block that poll look again.
void wake_pollers(Block& block);

// Called by a thread that ends: barrier.cpp and warp.cpp check that nobody waits for it.
void check_exit_at_barriers(Thread& thread);
void check_exit_in_warp(Thread& thread);
// Of a block's last thread: nothing that it issued is still on its way to another block. async_proxy.cpp.
void check_exit_of_block(const Block& block);

// The region of the block that holds an address; null for none.
SharedRegion* region_of(Block& block, const void* address, std::size_t bytes);
// The block of the running thread's cluster that owns an address of shared memory; null for global memory.
Block* owner_of(const void* address, std::size_t bytes);
void allocate_dynamic(Block& block, std::size_t bytes);
void release_shared(Block& block);
void forbid_shared(Block& block);

// Adds what the group's warps noted to the statistics. shared_accesses.cpp.
void count_shared_accesses(Group& group);

// Delivers one asynchronous copy that is under way. Called by the scheduler.
void deliver(Group& group, std::size_t which);

// Runs a kernel to its end; throws Fault. scheduler.cpp.
// Tags for the race detector: what threads know when they start and after wait_for_node_before, and their end.
struct KernelTags {
  const void* start;
  const void* wait;
  const void* end;
};
void run_kernel(const Launch& launch, const std::function<void()>& thread, const KernelTags& tags);

}  // namespace simt
