// Runs a kernel: which blocks run at once, which thread runs next, and what it means when none can.
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <numeric>

#include "simt/kernel.hpp"
#include "simt/machine.hpp"

namespace simt {
namespace {

// A thread that spins on a plain load never comes back. Seconds of processor time until that is said:
// SIMT_PATIENCE.
int patience() {
  static const int seconds = [] {
    const char* text = std::getenv("SIMT_PATIENCE");
    return text == nullptr ? 60 : std::max(1, static_cast<int>(std::strtol(text, nullptr, 10)));
  }();
  return seconds;
}

void on_tick(int) {
  static std::uint64_t last = 0;
  static int ticks = 0;
  const Machine& m = machine();
  if (m.self == nullptr || m.statistics.switches != last) {
    last = m.statistics.switches;
    ticks = 0;
    return;
  }
  if (++ticks < patience()) return;
  char text[512];
  const int length = std::snprintf(text, sizeof(text),
                                   "simt: block (%u,%u,%u) thread (%u,%u,%u) has run %d s without reaching a "
                                   "synchronisation; the last was %s %s:%d. Does it spin on a plain load?\n",
                                   blockIdx.x, blockIdx.y, blockIdx.z, threadIdx.x, threadIdx.y, threadIdx.z,
                                   patience(), m.self->doing, m.self->where.file, m.self->where.line);
  static_cast<void>(!write(STDERR_FILENO, text, static_cast<std::size_t>(length)));
  std::abort();
}

void start_watchdog() {
  static const bool started = [] {
    static_cast<void>(patience());  // not first in the handler
    signal(SIGVTALRM, on_tick);
    const itimerval every_second{{1, 0}, {1, 0}};
    setitimer(ITIMER_VIRTUAL, &every_second, nullptr);
    return true;
  }();
  static_cast<void>(started);
}

struct Job {
  const std::function<void()>* body;
  const void* start_tag;
  const void* wait_tag;
  const void* end_tag;
  bool waited;  // a thread for the node before
};
Job job;

void exit_thread(Thread& thread) {
  const sanitizers::Quiet quiet;
  Block& block = *thread.block;
  for (const auto& [group, copies] : thread.bulk_pending) {
    if (copies != 0)
      fail(FaultKind::misuse, "exits before its bulk copies have read shared memory: bulk_wait is missing");
  }
  thread.done = true;
  thread.warp->done |= 1u << thread.lane;
  ++block.exited;
  --machine().group->alive;
  progress();
  check_exit_at_barriers(thread);
  check_exit_in_warp(thread);
  if (!block.finished()) return;
  check_exit_of_block(block);
  forbid_shared(block);
}

void run_thread(void* user) {
  Thread& thread = *static_cast<Thread*>(user);
  try {
    sanitizers::acquire(job.start_tag);
    (*job.body)();
    copy_async_wait(0);
    exit_thread(thread);
  } catch (const Abandoned&) {
  } catch (const std::exception& error) {
    Machine& m = machine();
    m.failed = true;
    m.fault = describe(thread) + ": exception: " + error.what();
  }
  sanitizers::release(job.end_tag);
}

void resume(Thread& thread) {
  Machine& m = machine();
  m.self = &thread;
  ::threadIdx = thread.index;
  ::blockIdx = thread.block->index;
  ++m.statistics.switches;
  if (m.group->late != nullptr) m.group->late->enter(*thread.block);
  thread.fiber.resume(run_thread, &thread);
  m.self = nullptr;
  if (m.failed) throw Fault(m.fault_kind, m.fault);
}

unsigned random_below(std::size_t bound) { return static_cast<unsigned>(machine().random() % bound); }

unsigned pick_lane(std::uint32_t lanes) {
  switch (machine().schedule.order) {
    case Order::ascending: break;
    case Order::descending: return 31u - static_cast<unsigned>(std::countl_zero(lanes));
    case Order::random:
    case Order::starved:
      for (unsigned skip = random_below(static_cast<std::size_t>(std::popcount(lanes))); skip != 0; --skip) {
        lanes &= lanes - 1;
      }
      break;
  }
  return static_cast<unsigned>(std::countr_zero(lanes));
}

bool is_random(Order order) { return order == Order::random || order == Order::starved; }

// visit(i) for 0 .. count - 1 in the order of the schedule.
template <class Visit>
void for_each_in_order(std::size_t count, Visit&& visit) {
  const Order order = machine().schedule.order;
  if (is_random(order) && count > 1) {
    std::vector<std::size_t> shuffled(count);
    std::iota(shuffled.begin(), shuffled.end(), std::size_t{0});
    std::shuffle(shuffled.begin(), shuffled.end(), machine().random);
    for (const std::size_t index : shuffled) visit(index);
    return;
  }
  for (std::size_t i = 0; i < count; ++i) visit(order == Order::descending ? count - 1 - i : i);
}

std::string who_waits_where(const Group& group) {
  std::string text;
  constexpr std::size_t kEnough = 4000;
  for (const auto& block : group.blocks) {
    std::map<std::string, std::pair<unsigned, const Thread*>> places;
    for (const Thread& thread : block->threads) {
      auto& [count, example] =
          places[thread.done ? "exited" : std::string(thread.doing) + " " + describe(thread.where)];
      if (count++ == 0) example = &thread;
    }
    for (const auto& [place, threads] : places) {
      text += "\n  " + std::to_string(threads.first) + " threads at " + place + ", such as " +
              describe(*threads.second);
    }
    if (text.size() > kEnough) return text + "\n  ...";
  }
  return text;
}

// One pass over the warps; whether any thread ran. A starved warp is left out.
bool run_ready(Group& group, const Warp* starved) {
  bool ran = false;
  const bool takes_turns = is_random(machine().schedule.order);
  for_each_in_order(group.warps.size(), [&](std::size_t index) {
    Warp& warp = *group.warps[index];
    if (&warp == starved) return;
    while (warp.ready != 0) {
      const unsigned lane = pick_lane(warp.ready);
      warp.ready &= ~(1u << lane);
      resume(*warp.threads[lane]);
      ran = true;
      if (takes_turns) break;  // another warp's turn
    }
  });
  return ran;
}

bool wake_pollers(Group& group) {
  bool any = false;
  for (Warp* warp : group.warps) {
    any = any || warp->polling != 0;
    warp->ready |= warp->polling;
    warp->polling = 0;
  }
  return any;
}

// Copies arrive when the schedule says, at the latest when nothing else can run.
bool deliver_some(Group& group, bool nothing_else) {
  const Order order = machine().schedule.order;
  bool any = false;
  while (!group.remote_copies.empty()) {
    const bool now = nothing_else || order == Order::descending || (is_random(order) && random_below(4) == 0);
    if (!now) break;
    deliver(group, is_random(order) ? random_below(group.remote_copies.size()) : 0);
    any = true;
    nothing_else = false;
  }
  return any;
}

void run_group(Group& group) {
  Machine& m = machine();
  const Warp* starved =
      m.schedule.order == Order::starved ? group.warps[random_below(group.warps.size())] : nullptr;
  // Rounds in which only pollers ran and nothing changed. Some pauses in a row are no livelock.
  constexpr int kFruitlessRounds = 64;
  int fruitless = 0;
  while (group.alive != 0) {
    const std::uint64_t before = m.epoch;
    bool ran = run_ready(group, starved);
    ran = deliver_some(group, false) || ran;
    if (ran) {
      if (m.epoch != before) fruitless = 0;
      continue;
    }
    if (run_ready(group, nullptr)) continue;  // the starved warp's turn
    if (deliver_some(group, true)) continue;
    if (!wake_pollers(group)) {
      fail(FaultKind::deadlock, "no thread can go on%s", who_waits_where(group).c_str());
    }
    if (++fruitless > kFruitlessRounds) {
      fail(FaultKind::livelock, "threads poll and nothing changes%s%s",
           m.grid_is_one_group ? "" : " (blocks of this launch need not be resident at once)",
           who_waits_where(group).c_str());
    }
  }
  while (!group.remote_copies.empty()) {
    // A GPU would write into whatever block comes next.
    if (group.remote_copies.front().barrier != nullptr) {
      fail(FaultKind::out_of_range, "all threads have exited while a copy into shared memory is under way");
    }
    deliver(group, 0);
  }
}

uint3 position(std::uint64_t linear, dim3 extent) {
  uint3 p;
  p.x = static_cast<unsigned>(linear % extent.x);
  p.y = static_cast<unsigned>(linear / extent.x % extent.y);
  p.z = static_cast<unsigned>(linear / extent.x / extent.y);
  return p;
}

std::uint64_t volume(dim3 d) { return static_cast<std::uint64_t>(d.x) * d.y * d.z; }

// Blocks that have ended, for launches of the same extent: their memory is in the cache, and their lists have grown. The race
// detector would keep what it knows of a tag in them, an edge between launches that have none: for it every block is new.
#if defined(SIMT_TSAN)
constexpr bool kReusesBlocks = false;
#else
constexpr bool kReusesBlocks = true;
#endif
using Extent = std::array<unsigned, 3>;
// Leaked on purpose, as machine() is.
std::vector<std::unique_ptr<Block>>& ended_blocks(dim3 extent) {
  static auto& blocks = *new std::map<Extent, std::vector<std::unique_ptr<Block>>>;
  return blocks[Extent{extent.x, extent.y, extent.z}];
}

std::unique_ptr<Block> make_block(dim3 extent) {
  auto block = std::make_unique<Block>();
  block->extent = extent;
  const auto count = static_cast<unsigned>(volume(extent));
  block->threads = std::vector<Thread>(count);
  uint3 at{};
  for (unsigned linear = 0; linear < count; ++linear) {
    if (linear % kWarpSize == 0) {
      block->warps.push_back(std::make_unique<Warp>());
      block->warps.back()->block = block.get();
    }
    Thread& thread = block->threads[linear];
    thread.index = at;
    if (++at.x == extent.x) {
      at.x = 0;
      if (++at.y == extent.y) {
        at.y = 0;
        ++at.z;
      }
    }
    thread.linear = linear;
    thread.lane = linear % kWarpSize;
    thread.warp = block->warps.back().get();
    thread.block = block.get();
    thread.warp->threads[thread.lane] = &thread;
    thread.warp->existing |= 1u << thread.lane;
    make_ready(thread);
  }
  return block;
}

std::unique_ptr<Block> take_block(dim3 extent) {
  auto& ended = ended_blocks(extent);
  if (ended.empty()) return make_block(extent);
  std::unique_ptr<Block> block = std::move(ended.back());
  ended.pop_back();
  block->begin_anew();
  return block;
}

void add_block(Group& group, Cluster& cluster, uint3 index) {
  std::unique_ptr<Block> block = take_block(group.launch->block);
  block->index = index;
  block->cluster = &cluster;
  block->group = &group;
  block->rank = static_cast<unsigned>(cluster.blocks.size());
  allocate_dynamic(*block, group.launch->shared_bytes);
  for (const auto& warp : block->warps) group.warps.push_back(warp.get());
  group.threads += block->threads.size();
  group.alive += block->threads.size();
  cluster.blocks.push_back(block.get());
  group.blocks.push_back(std::move(block));
}

// Of a group that ran to its end. The first is on top: the next launch begins with it.
void keep_blocks(Group& group) {
  if (!kReusesBlocks) return;
  auto& ended = ended_blocks(group.launch->block);
  while (!group.blocks.empty()) {
    release_shared(*group.blocks.back());
    ended.push_back(std::move(group.blocks.back()));
    group.blocks.pop_back();
  }
}

void add_cluster(Group& group, std::uint64_t which) {
  const Launch& launch = *group.launch;
  const dim3 clusters(launch.grid.x / launch.cluster.x, launch.grid.y / launch.cluster.y,
                      launch.grid.z / launch.cluster.z);
  const uint3 at = position(which, clusters);
  auto cluster = std::make_unique<Cluster>();
  for (std::uint64_t rank = 0; rank < volume(launch.cluster); ++rank) {
    const uint3 within = position(rank, launch.cluster);
    add_block(group, *cluster,
              {at.x * launch.cluster.x + within.x, at.y * launch.cluster.y + within.y,
               at.z * launch.cluster.z + within.z});
  }
  group.clusters.push_back(std::move(cluster));
}

// Lets every thread that was left in the middle unwind its stack.
void abandon(Group& group) {
  Machine& m = machine();
  m.failed = true;
  for (const auto& block : group.blocks) {
    for (Thread& thread : block->threads) {
      if (!thread.fiber.started()) continue;
      m.self = &thread;
      thread.fiber.resume(run_thread, &thread);
    }
  }
  m.self = nullptr;
  m.failed = false;
}

void run(Group& group) {
  Machine& m = machine();
  if (m.late && group.blocks.size() > 1) group.late = std::make_unique<Late>(group);
  m.group = &group;
  m.statistics.threads += group.threads;
  try {
    run_group(group);
    if (group.late != nullptr) group.late->finish();
    count_shared_accesses(group);
  } catch (...) {
    abandon(group);
    m.group = nullptr;
    throw;
  }
  m.group = nullptr;
  keep_blocks(group);
}

}  // namespace

void Thread::begin_anew() {
  doing = "start";
  where = {};
  done = false;
  cluster_generation = 0;
  cluster_arrived = false;
  copies.clear();
  copy_group = 0;
  bulk_group = 0;
  bulk_pending.clear();
}

void Warp::begin_anew() {
  ready = existing;
  polling = 0;
  done = 0;
  operations.clear();
  tags_taken = 0;
  shared_sites.clear();
}

void Block::begin_anew() {
  for (Thread& thread : threads) thread.begin_anew();
  for (const auto& warp : warps) warp->begin_anew();
  exited = 0;
  for (Barrier& barrier : barriers) {
    barrier.arrived = 0;
    barrier.expected = 0;
    barrier.generation = 0;
    barrier.first_where = {};
    barrier.name = "";
    barrier.first = nullptr;
    barrier.waiting.clear();
  }
}

void wait_for_node_before() {
  sanitizers::acquire(job.wait_tag);
  job.waited = true;
}

void run_kernel(const Launch& launch, const std::function<void()>& thread, const KernelTags& tags) {
  start_watchdog();
  Machine& m = machine();
  ++m.statistics.launches;
  ::blockDim = launch.block;
  ::gridDim = launch.grid;
  job = {&thread, tags.start, tags.wait, tags.end, false};
  const std::uint64_t clusters = volume(launch.grid) / volume(launch.cluster);
  m.grid_is_one_group = launch.cooperative;
  if (launch.cooperative) {
    Group group;
    group.launch = &launch;
    for (std::uint64_t which = 0; which < clusters; ++which) add_cluster(group, which);
    run(group);
    return;
  }
  for_each_in_order(clusters, [&](std::size_t which) {
    Group group;
    group.launch = &launch;
    add_cluster(group, which);
    run(group);
  });
  if (launch.dependent && !job.waited) {
    throw Fault(FaultKind::misuse,
                launch.name + ": a dependent launch that never waits for the kernel before it");
  }
}

}  // namespace simt
