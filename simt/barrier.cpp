// Barriers of a block, of a cluster and of a grid: one state machine, three scopes.
#include <cstring>

#include "simt/machine.hpp"

namespace simt {

unsigned Cluster::alive() const {
  unsigned count = 0;
  for (const Block* block : blocks) count += static_cast<unsigned>(block->threads.size()) - block->exited;
  return count;
}

namespace {

Barrier& barrier_of(Scope scope, int id) {
  Thread& self = *machine().self;
  switch (scope) {
    case Scope::block: return self.block->barriers[id];
    case Scope::cluster: return self.block->cluster->barrier;
    case Scope::grid: break;
  }
  return machine().group->barrier;
}

unsigned threads_of(Scope scope) {
  const Thread& self = *machine().self;
  switch (scope) {
    case Scope::block: return static_cast<unsigned>(self.block->threads.size());
    case Scope::cluster: return self.block->cluster->alive();  // PTX: of the threads that have not exited
    case Scope::grid: break;
  }
  return static_cast<unsigned>(machine().group->threads);
}

void complete(Barrier& barrier) {
  barrier.arrived = 0;
  ++barrier.generation;
  progress();
  for (Thread* thread : barrier.waiting) make_ready(*thread);
  barrier.waiting.clear();
}

// Whether threads of several blocks meet there.
bool joins_blocks(const Barrier& barrier) {
  const Thread& self = *machine().self;
  return &barrier == &self.block->cluster->barrier || &barrier == &machine().group->barrier;
}

// The generation that this arrival belongs to.
unsigned arrive(Barrier& barrier, unsigned expected, bool same_place, const char* name, Where where) {
  Thread& self = *machine().self;
  if (barrier.arrived == 0) {
    barrier.first = &self;
    barrier.first_where = where;
    barrier.name = name;
    barrier.expected = expected;
  } else {
    if (same_place &&
        (barrier.first_where.line != where.line || std::strcmp(barrier.first_where.file, where.file) != 0)) {
      fail(FaultKind::divergence, "arrives at %s %s, but %s and %u others wait at %s", name,
           describe(where).c_str(), describe(*barrier.first).c_str(), barrier.arrived - 1,
           describe(barrier.first_where).c_str());
    }
    if (barrier.expected != expected) {
      fail(FaultKind::misuse, "%s %s expects %u threads, but %s at %s expects %u", name,
           describe(where).c_str(), expected, describe(*barrier.first).c_str(),
           describe(barrier.first_where).c_str(), barrier.expected);
    }
  }
  const unsigned generation = barrier.generation;
  sanitizers::release(&barrier.tags[generation & 1]);
  if (joins_blocks(barrier)) late_stores::release(&barrier.tags[generation & 1]);
  if (++barrier.arrived == expected) complete(barrier);
  return generation;
}

void await(Barrier& barrier, unsigned generation, const char* name, Where where) {
  if (barrier.generation == generation) {
    barrier.waiting.push_back(machine().self);
    block_thread(name, where);
  }
  sanitizers::acquire(&barrier.tags[generation & 1]);
  if (joins_blocks(barrier)) late_stores::acquire(&barrier.tags[generation & 1]);
}

void check_named(int id, unsigned threads, const char* name, Where where) {
  if (id < 0 || id >= kNamedBarriers) {
    fail(FaultKind::misuse, "%s %s: barrier %d of %d", name, describe(where).c_str(), id, kNamedBarriers);
  }
  if (threads % kWarpSize != 0) {
    fail(FaultKind::misuse, "%s %s: %u threads are not whole warps", name, describe(where).c_str(), threads);
  }
}

}  // namespace

void barrier(Scope scope, int id, unsigned threads, const char* name, Where where) {
  const sanitizers::Quiet quiet;
  Machine& m = machine();
  const bool whole_block = scope == Scope::block && threads == 0;
  if (whole_block && m.self->block->exited != 0) {
    fail(FaultKind::divergence, "%s %s after %u threads of the block have exited", name,
         describe(where).c_str(), m.self->block->exited);
  }
  if (scope == Scope::block && !whole_block) check_named(id, threads, name, where);
  if (scope == Scope::grid && !m.grid_is_one_group) {
    fail(FaultKind::misuse, "%s %s in a kernel that was not launched as cooperative", name,
         describe(where).c_str());
  }
  Barrier& barrier = barrier_of(scope, id);
  const unsigned expected = whole_block || scope != Scope::block ? threads_of(scope) : threads;
  const bool same_place = scope != Scope::block || whole_block;
  await(barrier, arrive(barrier, expected, same_place, name, where), name, where);
}

void barrier_arrive(int id, unsigned threads, const char* name, Where where) {
  const sanitizers::Quiet quiet;
  check_named(id, threads, name, where);
  arrive(barrier_of(Scope::block, id), threads, false, name, where);
}

void cluster_arrive(Where where) {
  const sanitizers::Quiet quiet;
  Thread& self = *machine().self;
  if (self.cluster_arrived) {
    fail(FaultKind::misuse, "cluster_arrive %s twice without cluster_wait", describe(where).c_str());
  }
  self.cluster_arrived = true;
  self.cluster_generation =
      arrive(barrier_of(Scope::cluster, 0), threads_of(Scope::cluster), false, "cluster_arrive", where);
}

void cluster_wait(Where where) {
  const sanitizers::Quiet quiet;
  Thread& self = *machine().self;
  if (!self.cluster_arrived) {
    fail(FaultKind::misuse, "cluster_wait %s without cluster_arrive", describe(where).c_str());
  }
  self.cluster_arrived = false;
  await(barrier_of(Scope::cluster, 0), self.cluster_generation, "cluster_wait", where);
}

void check_exit_at_barriers(Thread& thread) {
  Block& block = *thread.block;
  const Barrier& whole = block.barriers[0];
  if (whole.arrived != 0 && whole.expected == block.threads.size()) {
    fail(FaultKind::divergence, "exits while %u threads of its block wait in %s %s", whole.arrived,
         whole.name, describe(whole.first_where).c_str());
  }
  if (thread.cluster_arrived) fail(FaultKind::misuse, "exits between cluster_arrive and cluster_wait");
  // The others' cluster barrier no longer waits for this thread.
  Barrier& cluster = block.cluster->barrier;
  if (cluster.arrived != 0) {
    cluster.expected = block.cluster->alive();
    if (cluster.arrived == cluster.expected) complete(cluster);
  }
}

}  // namespace simt
