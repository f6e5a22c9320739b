// How the CPU engine cuts jobs up: a committed table of what it decides for named jobs on described CPUs, and
// what must hold for every job. After a change of tiling.cpp:
//
//     cmake --build --preset dev --target test_planning_tiling
//     RECUR_UPDATE_TABLES=1 ctest --preset dev -R planning_tiling
#include <gtest/gtest.h>

#include <sstream>

#include "host/cpu/buffers.hpp"
#include "host/cpu/members.hpp"
#include "support/committed_table.hpp"
#include "support/random.hpp"

namespace recur::test {
namespace {

using host::Job;
using host::cpu::choose_tiling;
using host::cpu::Tiling;

// A CPU as the tiling sees it. Lanes are those of f32; f64 has half.
struct Cpu {
  const char* name;
  int lanes;
  int max_panel_vectors;
  std::size_t l2_bytes;

  int lanes_of(DataType type) const { return type == DataType::f64 ? std::max(1, lanes / 2) : lanes; }
};
constexpr Cpu kCpus[] = {
    {"scalar", 1, 4, 128u << 10},
    {"128bit", 4, 4, 256u << 10},  // SSE4, EMU128: 16 registers
    {"avx2", 8, 4, 512u << 10},    // 16 registers
    {"avx512", 16, 6, 2u << 20},   // 32 registers
};

struct NamedJob {
  const char* name;
  Cell cell;
  std::int64_t hidden;
  std::int64_t steps;
  std::int64_t batch;
  int threads;
  DataType dtype = DataType::f32;
  Direction direction = Direction::forward;
  bool batch_invariant = false;
  GruReset reset = GruReset::after;
};

constexpr NamedJob kJobs[] = {
    {"the least of everything", Cell::rnn, 1, 1, 1, 1},
    {"one unit, eight threads", Cell::lstm, 1, 1, 1, 8},
    {"one vector of avx512", Cell::lstm, 16, 10, 4, 1},
    {"one unit above it", Cell::lstm, 17, 10, 4, 1},
    {"one panel of an avx512 lstm", Cell::lstm, 32, 10, 4, 1},
    {"one panel of an avx512 rnn", Cell::rnn, 128, 10, 4, 1},
    {"one unit above it, padding too dear", Cell::rnn, 129, 10, 4, 1},
    {"padding just cheap enough", Cell::rnn, 228, 10, 4, 1},
    {"few rows of one sequence", Cell::gru, 64, 16, 1, 1},
    {"batch invariant, as without", Cell::gru, 64, 16, 1, 1, DataType::f32, Direction::forward, true},
    {"streaming a large lstm", Cell::lstm, 1024, 1, 1, 1},
    {"streaming it on four threads", Cell::lstm, 1024, 1, 1, 4},
    {"a tagger on one thread", Cell::gru, 256, 60, 1, 1, DataType::f32, Direction::bidirectional},
    {"a tagger on two threads", Cell::gru, 256, 60, 1, 2, DataType::f32, Direction::bidirectional},
    {"a tagger on eight threads", Cell::gru, 256, 60, 1, 8, DataType::f32, Direction::bidirectional},
    {"both directions, too little work", Cell::gru, 16, 10, 1, 8, DataType::f32, Direction::bidirectional},
    {"a batch of short rows", Cell::lstm, 128, 20, 64, 4},
    {"the same in f64", Cell::lstm, 128, 20, 64, 4, DataType::f64},
    {"a batch that divides badly", Cell::lstm, 128, 20, 25, 4},
    {"seven rows: one batch group", Cell::lstm, 256, 20, 7, 4},
    {"training of a large lstm", Cell::lstm, 1024, 50, 256, 8},
    {"the largest here", Cell::lstm, 2048, 100, 256, 8},
    {"the largest in f64", Cell::lstm, 2048, 100, 256, 8, DataType::f64},
    {"reset before the product", Cell::gru, 512, 30, 16, 4, DataType::f32, Direction::forward, false,
     GruReset::before},
    {"more threads than panels", Cell::rnn, 512, 4, 4, 8},
    {"a long sequence", Cell::lstm, 64, 10000, 1, 2},
    {"bf16: W x is f32, R half as large", Cell::lstm, 256, 100, 16, 4, DataType::bf16},
    {"bf16 of a few rows", Cell::gru, 64, 16, 1, 1, DataType::bf16},
};

Job job_of(const NamedJob& named, const Cpu& cpu) {
  Job job;
  job.spec.cell = named.cell;
  job.spec.input_size = named.hidden;
  job.spec.hidden_size = named.hidden;
  job.spec.dtype = named.dtype;
  job.spec.direction = named.direction;
  job.spec.gru_reset = named.reset;
  job.shape = {named.steps, named.batch};
  job.options.threads = named.threads;
  job.options.batch_invariant = named.batch_invariant;
  job.device.cpu.l2_bytes = cpu.l2_bytes;
  return job;
}

// All that was decided.
std::string text_of(const Tiling& tiling) {
  return tiling.describe() + " and panels of " + std::to_string(tiling.input_width) + "; backward " +
         std::to_string(tiling.back_panels) + " panels of " + std::to_string(tiling.back_units) +
         ", gradients in chunks of " + std::to_string(tiling.gradient_rows) + " rows";
}

std::vector<std::string> lines_of_table() {
  std::vector<std::string> lines;
  for (const NamedJob& named : kJobs) {
    std::ostringstream line;
    line << named.name << ": " << name_of(named.cell) << " H=" << named.hidden << " T=" << named.steps
         << " B=" << named.batch << " " << name_of(named.dtype) << " " << name_of(named.direction) << ", "
         << named.threads << " threads";
    lines.push_back(line.str());
    for (const Cpu& cpu : kCpus) {
      const Tiling tiling =
          choose_tiling(job_of(named, cpu), cpu.lanes_of(named.dtype), cpu.max_panel_vectors);
      lines.push_back("  " + std::string(cpu.name) + ": " + text_of(tiling));
    }
  }
  return lines;
}

TEST(Tiling, IsWhatTheCommittedTableSays) {
  const std::string difference = difference_from_table(RECUR_TILINGS, lines_of_table());
  EXPECT_TRUE(difference.empty()) << difference;
}

// The described CPUs are the kernels' of this build.
TEST(Tiling, TheDescribedCpusAreTheBuilds) {
  for (const host::cpu::SimdTarget* target : host::cpu::compiled_targets()) {
    const std::string_view name = target->name;
    const Cpu& cpu = kCpus[name.starts_with("AVX3") ? 3 : name == "AVX2" ? 2 : name == "SCALAR" ? 0 : 1];
    EXPECT_EQ(target->f32->lanes, cpu.lanes_of(DataType::f32)) << target->name;
    EXPECT_EQ(target->bf16->lanes, cpu.lanes_of(DataType::bf16)) << target->name;
    EXPECT_EQ(target->f64->lanes, cpu.lanes_of(DataType::f64)) << target->name;
    if (target->name == "NEON") continue;  // 128 bits, but 32 registers
    EXPECT_EQ(target->f32->max_panel_vectors, cpu.max_panel_vectors) << target->name;
    EXPECT_EQ(target->f64->max_panel_vectors, cpu.max_panel_vectors) << target->name;
    EXPECT_EQ(target->bf16->max_panel_vectors, cpu.max_panel_vectors) << target->name;
  }
}

host::cpu::Geometry geometry_of(const Job& job, const Tiling& tiling) {
  host::cpu::Geometry g{};
  g.variant = host::variant_of(job.spec);
  g.traits = cells::traits_of(g.variant);
  g.tiling = tiling;
  g.input_size = job.spec.input_size;
  g.hidden = job.spec.hidden_size;
  g.layers = job.spec.layers;
  g.directions = directions_of(job.spec);
  g.layout = job.spec.layout;
  return g;
}

// Bytes that a call of these sizes lays out; the plan must have asked for as many.
struct CallBytes {
  CallBytes(DataType type, const host::cpu::Geometry& g, std::int64_t steps, std::int64_t batch) {
    if (type == DataType::bf16) {
      fill<host::Bf16>(g, {steps, batch});
    } else {
      fill<float>(g, {steps, batch});
    }
  }
  template <class T>
  void fill(const host::cpu::Geometry& g, const host::RunSizes& sizes) {
    using host::cpu::BackwardBuffers;
    using host::cpu::ForwardBuffers;
    bytes[0] = ForwardBuffers<T>(nullptr, g, sizes, false, true).carver.bytes();
    bytes[1] = ForwardBuffers<T>(nullptr, g, sizes, false, false).carver.bytes();
    bytes[2] = ForwardBuffers<T>(nullptr, g, sizes, true, true).carver.bytes();
    bytes[3] = BackwardBuffers<T>(nullptr, g, sizes).carver.bytes();
    bytes[4] = host::cpu::ReserveBuffer<T>(nullptr, g, sizes).carver.bytes();
  }
  std::size_t bytes[5];
};

Job random_job(Random& random) {
  Job job;
  Spec& spec = job.spec;
  spec.cell = static_cast<Cell>(random.integer(0, 3));
  if (spec.cell == Cell::rnn) spec.residual = random.integer(0, 1) == 1;
  if (spec.cell == Cell::gru) spec.gru_reset = static_cast<GruReset>(random.integer(0, 1));
  if (spec.cell == Cell::lstm) {
    spec.peepholes = random.integer(0, 1) == 1;
    spec.coupled_input_forget = random.integer(0, 1) == 1;
  }
  // Half the jobs are small, where edges are.
  const std::int64_t most = random.integer(0, 1) == 0 ? 70 : 3000;
  spec.hidden_size = random.integer(1, most);
  spec.input_size = random.integer(1, most);
  spec.layers = random.integer(1, 3);
  spec.direction = static_cast<Direction>(random.integer(0, 2));
  spec.dtype = static_cast<DataType>(random.integer(0, 2));  // f32, f64, bf16
  job.shape = {random.integer(1, 200), random.integer(1, 300)};
  job.options.threads = static_cast<int>(random.integer(1, random.integer(0, 3) == 0 ? 1024 : 9));
  job.options.batch_invariant = random.integer(0, 1) == 1;
  job.device.cpu.l2_bytes = std::size_t(1) << random.integer(0, 30);
  return job;
}

TEST(Tiling, HoldsItsPromisesForRandomJobs) {
  int with_batch_groups = 0, with_unit_groups = 0, with_direction_groups = 0, with_all = 0;
  for (std::uint64_t seed = 1; seed <= 4000; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    const Job job = random_job(random);
    const Cpu& cpu = kCpus[random.integer(0, 3)];
    const int lanes = cpu.lanes_of(job.spec.dtype);
    const Tiling t = choose_tiling(job, lanes, cpu.max_panel_vectors);
    const std::int64_t hidden = job.spec.hidden_size;
    const cells::Traits traits = cells::traits_of(host::variant_of(job.spec));

    EXPECT_GE(t.threads(), 1);
    EXPECT_LE(t.threads(), job.options.threads);
    EXPECT_TRUE(t.direction_groups == 1 || (t.direction_groups == 2 && directions_of(job.spec) == 2));
    EXPECT_GE(t.batch_groups, 1);
    EXPECT_LE(t.batch_groups, std::min<std::int64_t>(job.shape.batch, host::cpu::kMaxBatchGroups));
    EXPECT_GE(t.unit_groups, 1);
    EXPECT_LE(t.unit_groups, t.panels);
    EXPECT_LE(t.unit_groups, t.back_panels);

    EXPECT_EQ(t.lanes, lanes);
    EXPECT_EQ(t.panel_units, t.panel_vectors * lanes);
    EXPECT_GE(t.panels * t.panel_units, hidden);
    EXPECT_LT((t.panels - 1) * t.panel_units, hidden);
    EXPECT_EQ(t.back_units % lanes, 0);
    EXPECT_GE(t.back_panels * t.back_units, hidden);
    EXPECT_LT((t.back_panels - 1) * t.back_units, hidden);
    for (int phase = 0; phase < traits.phases; ++phase) {
      const int vectors = traits.gates_of_phase(phase) * t.panel_vectors;
      EXPECT_LE(vectors, std::max(cpu.max_panel_vectors, traits.gates_of_phase(phase)));
      // The sums of a tile live in an array of eight of the widest vectors a row (forward.cpp).
      EXPECT_LE(vectors * lanes * static_cast<int>(size_of(host::cpu::arithmetic_of(job.spec.dtype))),
                8 * 64);
    }

    // Panels of whole vectors, as the kernel takes them.
    EXPECT_EQ(t.max_panel_vectors, cpu.max_panel_vectors);
    for (const std::int64_t columns : {traits.gates * hidden, job.spec.input_size, hidden}) {
      const std::int64_t width = t.width_for(columns);
      EXPECT_EQ(width % lanes, 0);
      EXPECT_GE(width, lanes);
      EXPECT_LE(width, lanes * cpu.max_panel_vectors);
    }
    EXPECT_EQ(t.input_width, t.width_for(traits.gates * hidden));
    EXPECT_GE(t.gradient_rows, 1);
    EXPECT_LE(t.gradient_rows, job.shape.steps * job.shape.batch);
    Job other = job;
    other.options.batch_invariant = !job.options.batch_invariant;
    EXPECT_EQ(text_of(choose_tiling(other, lanes, cpu.max_panel_vectors)), text_of(t))
        << "batch invariance costs nothing";
    EXPECT_GE(t.chunk_rows, job.shape.batch);
    EXPECT_LE(t.chunk_rows, job.shape.steps * job.shape.batch);
    for (std::int64_t batch = 1; batch <= job.shape.batch; ++batch) {
      EXPECT_GE(t.chunk_steps(batch), 1);
      EXPECT_LE(t.chunk_steps(batch) * batch, t.chunk_rows);
    }

    // A smaller call lays out no more than the plan's sizes say: in T, in B and in both.
    const host::cpu::Geometry g = geometry_of(job, t);
    const CallBytes planned(job.spec.dtype, g, job.shape.steps, job.shape.batch);
    const std::int64_t steps = random.integer(1, job.shape.steps);
    const std::int64_t batch = random.integer(1, job.shape.batch);
    const CallBytes smaller[] = {CallBytes(job.spec.dtype, g, steps, job.shape.batch),
                                 CallBytes(job.spec.dtype, g, job.shape.steps, batch),
                                 CallBytes(job.spec.dtype, g, steps, batch)};
    for (const CallBytes& call : smaller) {
      for (std::size_t i = 0; i < std::size(call.bytes); ++i) EXPECT_LE(call.bytes[i], planned.bytes[i]) << i;
    }
    if (HasFailure()) return;

    with_direction_groups += t.direction_groups > 1 ? 1 : 0;
    with_batch_groups += t.batch_groups > 1 ? 1 : 0;
    with_unit_groups += t.unit_groups > 1 ? 1 : 0;
    with_all += t.direction_groups > 1 && t.batch_groups > 1 && t.unit_groups > 1 ? 1 : 0;
  }
  // The sweep reaches every way of sharing work.
  EXPECT_GT(with_direction_groups, 100);
  EXPECT_GT(with_batch_groups, 100);
  EXPECT_GT(with_unit_groups, 100);
  EXPECT_GT(with_all, 10);
}

// Sizes that a model can name but no machine holds: planned or refused, never undefined arithmetic (which the
// sanitizers' build of this test would report).
TEST(Tiling, AbsurdSizes) {
  constexpr std::int64_t kSizes[] = {1, std::int64_t(1) << 20, std::int64_t(1) << 24,
                                     (std::int64_t(1) << 28) - 1, std::int64_t(1) << 40};
  int planned = 0, refused = 0;
  for (std::int64_t hidden : kSizes) {
    for (std::int64_t batch : kSizes) {
      for (std::int64_t steps : kSizes) {
        Spec spec;
        spec.input_size = 1;
        spec.hidden_size = hidden;
        spec.direction = Direction::bidirectional;
        for (Pass pass : {Pass::inference, Pass::training}) {
          try {
            const Plan plan = make_plan(spec, {steps, batch}, Device::cpu(),
                                        {.pass = pass, .threads = std::numeric_limits<int>::max()});
            EXPECT_GE(plan.threads(), 1);
            ++planned;
          } catch (const Error& error) {
            const std::string message = error.what();
            EXPECT_TRUE(message.find("overflows 64 bits") != std::string::npos ||
                        message.find("2^31 - 1 sequences") != std::string::npos)
                << message;
            ++refused;
          }
        }
      }
    }
  }
  EXPECT_GT(planned, 20);
  EXPECT_GT(refused, 20);
}

TEST(Tiling, ShareOfAnythingCoversItOnce) {
  for (std::int64_t count : {0, 1, 2, 7, 64, 1000}) {
    for (std::int64_t parts : {1, 2, 3, 8, 65}) {
      std::int64_t next = 0;
      for (std::int64_t part = 0; part < parts; ++part) {
        const host::cpu::Range range = host::cpu::part_of(count, parts, part);
        EXPECT_EQ(range.begin, next);
        EXPECT_GE(range.size(), count / parts);
        EXPECT_LE(range.size(), (count + parts - 1) / parts);
        next = range.end;
      }
      EXPECT_EQ(next, count);
    }
  }
}

// Every member has a place of its own, and the places fill the grid.
TEST(Members, FillTheGrid) {
  for (int directions : {1, 2}) {
    for (int batches : {1, 3}) {
      for (int units : {1, 4}) {
        Tiling tiling{};
        tiling.direction_groups = directions;
        tiling.batch_groups = batches;
        tiling.unit_groups = units;
        std::vector<int> seen(static_cast<std::size_t>(tiling.threads()));
        for (int i = 0; i < tiling.threads(); ++i) {
          const host::cpu::Member member(tiling, i);
          EXPECT_LT(member.direction_group, directions);
          EXPECT_LT(member.batch_group, batches);
          EXPECT_LT(member.unit_group, units);
          EXPECT_EQ(member.members_in_direction, batches * units);
          EXPECT_EQ(member.index_in_direction, member.batch_group * units + member.unit_group);
          const int owner =
              (member.direction_group * batches + member.batch_group) * units + member.unit_group;
          ++seen[static_cast<std::size_t>(owner)];
        }
        EXPECT_EQ(seen, std::vector<int>(seen.size(), 1));
      }
    }
  }
}

}  // namespace
}  // namespace recur::test
