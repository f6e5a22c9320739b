// Warp collectives: each lane deposits its argument, and the last to arrive computes for all.
#include <bit>
#include <cstring>
#include <iterator>

#include "simt/machine.hpp"

namespace simt {
namespace {

bool complete(const Warp& warp, const WarpOperation& operation) {
  return operation.call.arrived == (operation.call.mask & warp.existing & ~warp.done);
}

// Makes all lanes but the running one ready and forgets the operation.
void finish(Warp& warp, std::size_t which, const Thread* running) {
  for (std::uint32_t lanes = warp.operations[which].call.arrived; lanes != 0; lanes &= lanes - 1) {
    Thread* thread = warp.threads[std::countr_zero(lanes)];
    if (thread != running) make_ready(*thread);
  }
  warp.operations[which] = warp.operations.back();
  warp.operations.pop_back();
  progress();
}

std::size_t find_or_add(Warp& warp, std::uint32_t mask, const void* kind, const char* name, Where where) {
  for (std::size_t i = 0; i < warp.operations.size(); ++i) {
    if (warp.operations[i].call.mask == mask) return i;
  }
  WarpOperation operation;
  operation.call.mask = mask;
  operation.kind = kind;
  operation.name = name;
  operation.where = where;
  operation.tag = &warp.tags[warp.tags_taken++ % std::size(warp.tags)];
  warp.operations.push_back(operation);
  return warp.operations.size() - 1;
}

constexpr char kSyncWarp = 0;

}  // namespace

void warp_collective(std::uint32_t mask, const void* kind, const char* name, void* argument,
                     void (*compute)(WarpCall&), bool orders_memory, Where where) {
  const sanitizers::Quiet quiet;
  Thread& self = *machine().self;
  Warp& warp = *self.warp;
  const std::uint32_t bit = 1u << self.lane;
  if ((mask & bit) == 0) {
    fail(FaultKind::misuse, "%s %s: lane %u is not in its own mask %08x", name, describe(where).c_str(),
         self.lane, mask);
  }
  if (const std::uint32_t gone = mask & warp.done; gone != 0 && kind != &kSyncWarp) {
    fail(FaultKind::divergence, "%s %s with mask %08x, but lanes %08x have exited", name,
         describe(where).c_str(), mask, gone);
  }
  const std::size_t which = find_or_add(warp, mask, kind, name, where);
  WarpOperation& operation = warp.operations[which];
  if (operation.kind != kind) {
    fail(FaultKind::divergence, "lane %u calls %s %s, while lanes %08x wait in %s %s with the same mask %08x",
         self.lane, name, describe(where).c_str(), operation.call.arrived, operation.name,
         describe(operation.where).c_str(), mask);
  }
  operation.call.arrived |= bit;
  operation.call.argument[self.lane] = argument;
  char* const tag = operation.tag;
  if (orders_memory) sanitizers::release(tag);
  if (complete(warp, operation)) {
    compute(operation.call);
    finish(warp, which, &self);
  } else {
    block_thread(name, where);
  }
  if (orders_memory) sanitizers::acquire(tag);
}

void sync_warp(std::uint32_t mask, Where where) {
  char nothing = 0;
  warp_collective(
      mask, &kSyncWarp, "__syncwarp", &nothing, [](WarpCall&) {}, true, where);
}

namespace {

struct ShuffleArgument {
  std::byte* value;
  std::size_t bytes;
  int source;
};
constexpr std::size_t kLargestShuffle = 16;

// Nearly all are of 4 bytes: no call of the library for these.
inline void copy_value(std::byte* to, const std::byte* from, std::size_t bytes) {
  if (bytes == 4) {
    std::memcpy(to, from, 4);
  } else {
    std::memcpy(to, from, bytes);
  }
}

}  // namespace

void shuffle(std::uint32_t mask, void* value, std::size_t bytes, int source, const char* name, Where where) {
  static constexpr char kKind = 0;
  if (bytes > kLargestShuffle) fail(FaultKind::misuse, "%s of %zu bytes", name, bytes);
  ShuffleArgument argument{static_cast<std::byte*>(value), bytes, source};
  warp_collective(
      mask, &kKind, name, &argument,
      [](WarpCall& call) {
        std::byte before[kWarpSize][kLargestShuffle];
        for (unsigned lane = 0; lane < kWarpSize; ++lane) {
          if ((call.arrived >> lane & 1u) == 0) continue;
          const auto* from = static_cast<ShuffleArgument*>(call.argument[lane]);
          copy_value(before[lane], from->value, from->bytes);
        }
        for (unsigned lane = 0; lane < kWarpSize; ++lane) {
          if ((call.arrived >> lane & 1u) == 0) continue;
          const auto* to = static_cast<ShuffleArgument*>(call.argument[lane]);
          if (to->source < 0 || to->source >= static_cast<int>(kWarpSize) ||
              (call.arrived >> to->source & 1u) == 0) {
            fail(FaultKind::misuse,
                 "shuffle: lane %u reads from lane %d, which does not take part (mask %08x)", lane,
                 to->source, call.mask);
          }
          copy_value(to->value, before[to->source], to->bytes);
        }
      },
      false, where);
}

namespace {

struct VoteArgument {
  bool predicate;
  unsigned result;
};

}  // namespace

unsigned ballot(std::uint32_t mask, bool predicate, Where where) {
  static constexpr char kKind = 0;
  VoteArgument argument{predicate, 0};
  warp_collective(
      mask, &kKind, "vote", &argument,
      [](WarpCall& call) {
        unsigned result = 0;
        for (std::uint32_t lanes = call.arrived; lanes != 0; lanes &= lanes - 1) {
          const int lane = std::countr_zero(lanes);
          if (static_cast<VoteArgument*>(call.argument[lane])->predicate) result |= 1u << lane;
        }
        for (std::uint32_t lanes = call.arrived; lanes != 0; lanes &= lanes - 1) {
          static_cast<VoteArgument*>(call.argument[std::countr_zero(lanes)])->result = result;
        }
      },
      false, where);
  return argument.result;
}

void check_exit_in_warp(Thread& thread) {
  Warp& warp = *thread.warp;
  for (std::size_t i = 0; i < warp.operations.size();) {
    const WarpOperation& operation = warp.operations[i];
    const bool waited_for = (operation.call.mask >> thread.lane & 1u) != 0;
    if (waited_for && operation.kind != &kSyncWarp) {
      fail(FaultKind::divergence, "exits while lanes %08x of its warp wait for it in %s %s",
           operation.call.arrived, operation.name, describe(operation.where).c_str());
    }
    if (complete(warp, operation)) {
      finish(warp, i, nullptr);
    } else {
      ++i;
    }
  }
}

}  // namespace simt
