// Which thread does what, and where threads wait for each other.
//
// Members of the team form direction groups; each is a grid of batch groups x unit groups. Within a layer and
// direction
//   - a row and unit of h, c, y and the saved values has exactly one owner, the member of that batch and unit
//     group, which writes it at every step;
//   - `step` barriers join the unit groups of one batch group: they publish the owners' part of h_t (or of
//   the
//     exchanged values) to the others before the next product reads it. Two buffers of h suffice, since a
//     member can write h_{t+1} only after the barrier that all readers of h_{t-1} have passed;
//   - `chunk` barriers join a direction group: one publishes W x of a chunk, one ends its use;
//   - the `team` barrier joins everyone at the end of a layer.
#pragma once

#include "host/context_state.hpp"
#include "host/cpu/tiling.hpp"
#include "host/spin.hpp"

namespace recur::host::cpu {

// Most batch groups of a direction group; bounds the barriers, which live on the caller's stack.
constexpr int kMaxBatchGroups = 64;

struct Barriers {
  SpinBarrier team;
  SpinBarrier chunk[2];
  SpinBarrier step[2][kMaxBatchGroups];

  explicit Barriers(const Tiling& tiling) {
    team.init(tiling.threads());
    for (int d = 0; d < tiling.direction_groups; ++d) {
      chunk[d].init(tiling.batch_groups * tiling.unit_groups);
      for (int b = 0; b < tiling.batch_groups; ++b) step[d][b].init(tiling.unit_groups);
    }
  }
};

// One member's place, and its share of the work.
struct Member {
  int index;
  int members;
  int direction_group;
  int batch_group;
  int unit_group;
  int index_in_direction;
  int members_in_direction;

  Member(const Tiling& tiling, int member)
      : index(member),
        members(tiling.threads()),
        direction_group(member / (tiling.batch_groups * tiling.unit_groups)),
        batch_group(member / tiling.unit_groups % tiling.batch_groups),
        unit_group(member % tiling.unit_groups),
        index_in_direction(member % (tiling.batch_groups * tiling.unit_groups)),
        members_in_direction(tiling.batch_groups * tiling.unit_groups) {}

  // Directions this member works on, one after the other.
  Range directions(const Tiling& tiling, std::int64_t count) const {
    return part_of(count, tiling.direction_groups, direction_group);
  }
  Range rows(const Tiling& tiling, std::int64_t batch) const {
    return part_of(batch, tiling.batch_groups, batch_group);
  }
  Range panels(const Tiling& tiling, std::int64_t count) const {
    return part_of(count, tiling.unit_groups, unit_group);
  }
};

// Runs `pass.run(member)` on the context's team. A pass must not throw.
template <class Pass>
void run_members(Context::State& context, int members, Pass& pass) {
  if (members == 1) return pass.run(0);
  context.team->run(
      members, [](void* user, int member) { static_cast<Pass*>(user)->run(member); }, &pass);
}

}  // namespace recur::host::cpu
