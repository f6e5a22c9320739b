// Which thread does what, and where threads wait for each other.
//
// Members of the team form direction groups; each is a grid of batch groups x unit groups. Within a layer and
// direction
//   - a row and unit of h, c, y and the saved values has exactly one owner, the member of that batch and unit
//     group, which writes it at every step;
//   - `step` barriers join the unit groups of one batch group: they publish the owners' part of h_t (or of the
//     exchanged values) to the others before the next product reads it. Two buffers of h suffice, since a
//     member can write h_{t+1} only after the barrier that all readers of h_{t-1} have passed;
//   - `chunk` barriers join a direction group whose units are divided: one publishes W x of a chunk, one ends
//     its use. Where members own whole rows, each forms W x of its own, and nothing is published within a
//     layer;
//   - the `team` barrier joins everyone at the end of a layer.
//
// A member alone does the work of all of them, with the same bits: no result depends on who forms it.
#pragma once

#include <atomic>
#include <memory>

#include "host/context_state.hpp"
#include "host/cpu/tiling.hpp"
#include "host/spin.hpp"

namespace recur::host::cpu {

// Most batch groups of a direction group; bounds the barriers, which live on the caller's stack.
constexpr int kMaxBatchGroups = 64;

struct Barriers {
  std::atomic<std::int64_t> waited{0};  // ns, of all members together, in waits that took long
  SpinBarrier team;
  SpinBarrier chunk[2];
  // Those of the groups that there are: to write all of them would take a short call a microsecond.
  union {
    SpinBarrier step[2][kMaxBatchGroups];
  };

  explicit Barriers(const Tiling& tiling) {
    team.init(tiling.threads(), &waited);
    for (int d = 0; d < tiling.direction_groups; ++d) {
      chunk[d].init(tiling.batch_groups * tiling.unit_groups, &waited);
      for (int b = 0; b < tiling.batch_groups; ++b) {
        std::construct_at(&step[d][b])->init(tiling.unit_groups, &waited);
      }
    }
  }

  // For a member alone, which is of the first groups.
  void open() {
    team.init(1);
    chunk[0].init(1);
    step[0][0].init(1);
  }
};

// One member's place, and its share of the work.
struct Member {
  int index;
  int members;
  int direction_groups;
  int batch_groups;
  int unit_groups;
  int direction_group;
  int batch_group;
  int unit_group;
  int index_in_direction;
  int members_in_direction;

  Member(const Tiling& tiling, int member)
      : index(member),
        members(tiling.threads()),
        direction_groups(tiling.direction_groups),
        batch_groups(tiling.batch_groups),
        unit_groups(tiling.unit_groups),
        direction_group(member / (batch_groups * unit_groups)),
        batch_group(member / unit_groups % batch_groups),
        unit_group(member % unit_groups),
        index_in_direction(member % (batch_groups * unit_groups)),
        members_in_direction(batch_groups * unit_groups) {}

  // The only one, with the work of all.
  static Member alone(const Tiling& tiling) {
    Tiling one = tiling;
    one.direction_groups = one.batch_groups = one.unit_groups = 1;
    return Member(one, 0);
  }

  // Directions this member works on, one after the other.
  Range directions(const Tiling&, std::int64_t count) const {
    return part_of(count, direction_groups, direction_group);
  }
  Range rows(const Tiling&, std::int64_t batch) const { return part_of(batch, batch_groups, batch_group); }
  Range panels(const Tiling&, std::int64_t count) const { return part_of(count, unit_groups, unit_group); }
  // All units of the rows that it owns: then it reads no other member's results within a layer and direction.
  bool owns_whole_rows() const { return unit_groups == 1; }
};

// Runs `pass.run(member)` on the context's team, or on the calling thread alone where other load makes that
// faster. A pass must not throw.
template <class Pass>
void run_members(Context::State& context, const Tiling& tiling, Pass& pass) {
  struct Call {
    Pass& pass;
    const Tiling& tiling;
    std::int64_t own_end;  // of the calling thread's work
  } call{pass, tiling, 0};
  const int members = tiling.threads();
  if (members == 1) return pass.run(Member(tiling, 0));
  const std::int64_t begin = now_nanoseconds();
  if (context.load.alone(begin)) {
    pass.barriers().open();
    return context.team->run(
        1,
        [](void* user, int) {
          auto& own = *static_cast<Call*>(user);
          own.pass.run(Member::alone(own.tiling));
        },
        &call);
  }
  context.team->run(
      members,
      [](void* user, int member) {
        auto& own = *static_cast<Call*>(user);
        own.pass.run(Member(own.tiling, member));
        if (member == 0) own.own_end = now_nanoseconds();
      },
      &call);
  const std::int64_t end = now_nanoseconds();
  const std::int64_t waited = pass.barriers().waited.load(std::memory_order_relaxed) + end - call.own_end;
  context.load.record(members, begin, end, waited);
}

}  // namespace recur::host::cpu
