// What happens behind a thread's back: mbarriers, stores and bulk copies that arrive later. When they arrive
// is the schedule's choice: at once, at any moment, or only when nothing else can run. Its bulk copies are those of
// kernels to come (kernels/device/cluster.cuh); its mbarriers and stores serve the resident kernel.
#include <cstring>

#include "simt/machine.hpp"

namespace simt {
namespace {

// The 64 bits of a barrier that was initialised; everything else about it is in the group.
constexpr std::uint64_t kMark = 0x6d62617272696572;

TransactionBarrier& barrier_at(std::uint64_t* address, const char* name, Where where) {
  Group& group = *machine().group;
  const auto found = group.transaction_barriers.find(address);
  if (found == group.transaction_barriers.end()) {
    fail(FaultKind::misuse, "%s %s: there is no mbarrier at %p", name, describe(where).c_str(),
         static_cast<void*>(address));
  }
  if (*address != kMark) {
    fail(FaultKind::misuse, "%s %s: the mbarrier initialised at %s was overwritten", name,
         describe(where).c_str(), describe(found->second.init_where).c_str());
  }
  return found->second;
}

void complete_if_due(TransactionBarrier& barrier) {
  if (barrier.pending != 0 || barrier.bytes != 0) return;
  barrier.pending = barrier.count;
  ++barrier.phase;
  progress();
  // Who waits for it goes on, while other copies may still be under way.
  wake_pollers(*barrier.owner);
}

constexpr std::int64_t kMostBytes = (1 << 20) - 1;  // PTX ISA, mbarrier: valid range of tx-count

void expect(TransactionBarrier& barrier, unsigned bytes, const char* name, Where where) {
  barrier.bytes += bytes;
  if (barrier.bytes > kMostBytes) {
    fail(FaultKind::misuse, "%s %s: %lld bytes expected, 2^20 - 1 can be", name, describe(where).c_str(),
         static_cast<long long>(barrier.bytes));
  }
}

void issue(RemoteCopy copy) {
  Machine& m = machine();
  copy.from = m.self->block;
  copy.issued = std::make_unique<char>();
  sanitizers::release(copy.issued.get());
  late_stores::release(copy.issued.get());
  m.group->remote_copies.push_back(std::move(copy));
  progress();
}

// The barrier must lie beside the destination, in the shared memory of one block.
void check_destination(const void* destination, std::size_t bytes, std::uint64_t* barrier, const char* name,
                       Where where) {
  Block* owner = owner_of(destination, bytes);
  if (owner == nullptr) {
    fail(FaultKind::out_of_range, "%s %s: the destination is not in the cluster's shared memory", name,
         describe(where).c_str());
  }
  if (owner->finished())
    fail(FaultKind::out_of_range, "%s %s: the block has exited", name, describe(where).c_str());
  if (barrier_at(barrier, name, where).owner != owner) {
    fail(FaultKind::misuse, "%s %s: the mbarrier and the destination are in different blocks", name,
         describe(where).c_str());
  }
}

void check_bulk(const void* destination, const void* source, unsigned bytes, Where where) {
  const auto address =
      reinterpret_cast<std::uintptr_t>(destination) | reinterpret_cast<std::uintptr_t>(source);
  if (bytes == 0 || bytes % 16 != 0 || address % 16 != 0) {
    fail(FaultKind::misuse, "bulk copy %s of %u bytes: size and addresses are multiples of 16",
         describe(where).c_str(), bytes);
  }
}

// A source in shared memory must be as the last proxy fence published it.
void check_published(const void* source, unsigned bytes, Where where) {
  SharedRegion* region = region_of(*machine().self->block, source, bytes);
  if (region == nullptr) return;
  const auto offset = static_cast<std::size_t>(static_cast<const std::byte*>(source) - region->data);
  if (region->published.empty() || std::memcmp(region->published.data() + offset, source, bytes) != 0) {
    fail(FaultKind::missing_fence,
         "bulk copy %s of shared memory that was written after the last fence.proxy.async",
         describe(where).c_str());
  }
}

}  // namespace

void mbarrier_init(std::uint64_t* barrier, unsigned count, Where where) {
  const sanitizers::Quiet quiet;
  Machine& m = machine();
  Block* block = m.self->block;
  if (region_of(*block, barrier, sizeof(*barrier)) == nullptr) {
    fail(FaultKind::out_of_range, "mbarrier.init %s: not in this block's shared memory",
         describe(where).c_str());
  }
  if (count == 0 || count > kMostBytes) {
    fail(FaultKind::misuse, "mbarrier.init %s: a count of %u", describe(where).c_str(), count);
  }
  if (m.group->transaction_barriers.count(barrier) != 0 && *barrier == kMark) {
    fail(FaultKind::misuse, "mbarrier.init %s: there is one already, from %s", describe(where).c_str(),
         describe(m.group->transaction_barriers[barrier].init_where).c_str());
  }
  TransactionBarrier& made = m.group->transaction_barriers[barrier];
  made.owner = block;
  made.count = made.pending = count;
  made.bytes = 0;
  made.phase = 0;
  made.init_where = where;
  *barrier = kMark;
  write_through(barrier, sizeof(*barrier));
}

void mbarrier_invalidate(std::uint64_t* barrier, Where where) {
  const sanitizers::Quiet quiet;
  barrier_at(barrier, "mbarrier.inval", where);
  machine().group->transaction_barriers.erase(barrier);
  *barrier = ~kMark;
  write_through(barrier, sizeof(*barrier));
}

namespace {

// An arrival that the race detector has been told of.
void arrive(TransactionBarrier& b, unsigned expected_bytes, Where where) {
  if (b.pending == 0) {
    fail(FaultKind::misuse,
         "mbarrier.arrive %s: all %u arrivals of phase %u have come, and it is not complete for want of %lld "
         "bytes",
         describe(where).c_str(), b.count, b.phase, static_cast<long long>(b.bytes));
  }
  expect(b, expected_bytes, "mbarrier.arrive", where);
  --b.pending;
  complete_if_due(b);
}

TransactionBarrier& barrier_to_arrive_at(std::uint64_t* barrier, Where where) {
  TransactionBarrier& b = barrier_at(barrier, "mbarrier.arrive", where);
  if (b.owner->finished()) {
    fail(FaultKind::out_of_range, "mbarrier.arrive %s: its block has exited", describe(where).c_str());
  }
  return b;
}

}  // namespace

void mbarrier_arrive(std::uint64_t* barrier, unsigned expected_bytes, MemoryScope scope, Where where) {
  const sanitizers::Quiet quiet;
  TransactionBarrier& b = barrier_to_arrive_at(barrier, where);
  if (machine().self->block == b.owner) sanitizers::release(&b.block_tag);
  if (scope != MemoryScope::block) {
    sanitizers::release(&b.cluster_tag);
    late_stores::release(&b.cluster_tag);
  }
  arrive(b, expected_bytes, where);
}

void mbarrier_arrive_relaxed(std::uint64_t* barrier, unsigned expected_bytes, Where where) {
  const sanitizers::Quiet quiet;
  arrive(barrier_to_arrive_at(barrier, where), expected_bytes, where);
}

void mbarrier_expect(std::uint64_t* barrier, unsigned bytes, Where where) {
  const sanitizers::Quiet quiet;
  expect(barrier_at(barrier, "mbarrier.expect_tx", where), bytes, "mbarrier.expect_tx", where);
}

void mbarrier_complete(std::uint64_t* barrier, unsigned bytes) {
  const sanitizers::Quiet quiet;
  TransactionBarrier& b = barrier_at(barrier, "mbarrier.complete_tx", Where::here());
  b.bytes -= bytes;
  complete_if_due(b);
}

bool mbarrier_try_wait(std::uint64_t* barrier, unsigned parity, MemoryScope scope, Where where) {
  const sanitizers::Quiet quiet;
  const TransactionBarrier& b = barrier_at(barrier, "mbarrier.try_wait", where);
  if (machine().self->block != b.owner) {
    fail(FaultKind::misuse, "mbarrier.try_wait %s on another block's barrier", describe(where).c_str());
  }
  const auto complete = [&] { return (b.phase & 1u) != parity; };
  if (!complete()) poll(where);
  if (!complete()) return false;
  sanitizers::acquire(&b.block_tag);
  if (scope != MemoryScope::block) {
    sanitizers::acquire(&b.cluster_tag);
    late_stores::acquire(&b.cluster_tag);
  }
  return true;
}

void store_async(void* remote, const void* value, int bytes, std::uint64_t* remote_barrier, Where where,
                 MemoryScope scope) {
  const sanitizers::Quiet quiet;
  if (bytes != 4 && bytes != 8 && bytes != 16) {
    fail(FaultKind::misuse, "st.async %s of %d bytes: 4, 8 or 16 can be stored", describe(where).c_str(),
         bytes);
  }
  if (reinterpret_cast<std::uintptr_t>(remote) % static_cast<unsigned>(bytes) != 0) {
    fail(FaultKind::misuse, "st.async %s of %d bytes: misaligned address", describe(where).c_str(), bytes);
  }
  const auto size = static_cast<std::size_t>(bytes);
  check_destination(remote, size, remote_barrier, "st.async", where);
  const auto* first = static_cast<const std::byte*>(value);
  issue({static_cast<std::byte*>(remote),
         nullptr,
         {first, first + size},
         size,
         remote_barrier,
         nullptr,
         0,
         nullptr,
         nullptr,
         scope});
}

void bulk_copy_to_shared(void* destination, const void* source, unsigned bytes, std::uint64_t* barrier,
                         Where where) {
  const sanitizers::Quiet quiet;
  check_bulk(destination, source, bytes, where);
  check_destination(destination, bytes, barrier, "bulk copy", where);
  check_published(source, bytes, where);
  issue({static_cast<std::byte*>(destination),
         static_cast<const std::byte*>(source),
         {},
         bytes,
         barrier,
         nullptr,
         0,
         nullptr});
}

void bulk_copy_to_global(void* destination, const void* source, unsigned bytes, Where where) {
  const sanitizers::Quiet quiet;
  Thread& self = *machine().self;
  check_bulk(destination, source, bytes, where);
  if (region_of(*self.block, source, bytes) == nullptr) {
    fail(FaultKind::out_of_range, "bulk copy %s: the source is not in this block's shared memory",
         describe(where).c_str());
  }
  check_published(source, bytes, where);
  ++self.bulk_pending[self.bulk_group];
  issue({static_cast<std::byte*>(destination),
         static_cast<const std::byte*>(source),
         {},
         bytes,
         nullptr,
         &self,
         self.bulk_group,
         nullptr});
}

void bulk_commit() { ++machine().self->bulk_group; }

void bulk_wait(int pending, Where where) {
  const sanitizers::Quiet quiet;
  Thread& self = *machine().self;
  const auto under_way = [&] {
    for (const auto& [group, copies] : self.bulk_pending) {
      if (group < self.bulk_group - pending && copies != 0) return true;
    }
    return false;
  };
  while (under_way()) poll(where);
  sanitizers::acquire(&self.bulk_tag);
}

void fence_proxy_async() {
  const sanitizers::Quiet quiet;
  Block& block = *machine().self->block;
  const auto publish = [](SharedRegion& region) {
    if (region.data != nullptr) region.published.assign(region.data, region.data + region.bytes);
  };
  publish(block.dynamic_memory);
  for (SharedRegion& region : block.static_memory) publish(region);
}

namespace {

// The asynchronous proxy as a thread of its own, which is what the race detector must take it for: it knows
// what the issuing thread knew, and who waits for it knows what it did.
void copy_as_proxy(void* user) {
  const auto& copy = *static_cast<const RemoteCopy*>(user);
  sanitizers::acquire(copy.issued.get());
  std::memcpy(copy.destination, copy.source == nullptr ? copy.value.data() : copy.source, copy.bytes);
  if (copy.barrier == nullptr) {
    sanitizers::release(&copy.thread->bulk_tag);
    return;
  }
  // What another block sent is seen by those only who acquire of the cluster.
  TransactionBarrier& barrier = machine().group->transaction_barriers[copy.barrier];
  if (copy.from == barrier.owner) sanitizers::release(&barrier.block_tag);
  if (copy.scope != MemoryScope::block) sanitizers::release(&barrier.cluster_tag);
}

}  // namespace

void check_exit_of_block(const Block& block) {
  for (const RemoteCopy& copy : machine().group->remote_copies) {
    if (copy.from != &block || copy.barrier == nullptr) continue;
    const Block* to = machine().group->transaction_barriers[copy.barrier].owner;
    if (to == &block) continue;  // nobody can be waiting for it: the end of the cluster's threads will tell
    // Whether hardware lets such a copy arrive is not documented.
    fail(FaultKind::misuse,
         "its block exits while a copy to block %u of the cluster is under way: a cluster barrier is missing",
         to->rank);
  }
}

void deliver(Group& group, std::size_t which) {
  // The others need not keep their order where one is picked at random.
  if (which != 0) std::swap(group.remote_copies[which], group.remote_copies.front());
  RemoteCopy copy = std::move(group.remote_copies.front());
  group.remote_copies.pop_front();
  // What the asynchronous proxy brings is there for all when its barrier says so; a source is as its block
  // sees it.
  if (group.late != nullptr && copy.source != nullptr) group.late->enter(*copy.from);
  run_apart(copy_as_proxy, &copy);
  if (copy.barrier == nullptr) {
    --copy.thread->bulk_pending[copy.group];
  } else {
    TransactionBarrier& barrier = group.transaction_barriers[copy.barrier];
    if (copy.from != barrier.owner) machine().statistics.bytes_between_blocks += copy.bytes;
    if (group.late != nullptr) {
      group.late->write_through(copy.destination, copy.bytes);
      if (copy.scope != MemoryScope::block) group.late->pass_on(copy.issued.get(), &barrier.cluster_tag);
      group.late->forget(copy.issued.get());
    }
    barrier.bytes -= static_cast<std::int64_t>(copy.bytes);
    complete_if_due(barrier);
  }
  progress();
}

}  // namespace simt
