#include <algorithm>
#include <chrono>
#include <cstring>
#include <functional>
#include <limits>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "host/cpu/simd/kernels.hpp"
#include "host/spin.hpp"
#include "perf/floors/multiply_adds.hpp"
#include "perf/floors/rates.hpp"
#include "perf/floors/read.hpp"
#include "perf/statistics.hpp"
#include "recur/memory.hpp"

namespace recur::perf {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::int64_t kProductSize = 384;  // its three matrices fit into a private cache
constexpr double kSampleSeconds = 2e-3;
constexpr int kSamples = 15;
constexpr std::size_t kMostBytes = std::size_t{512} << 20;

void run_on_team(ThreadTeam& team, const std::function<void(int)>& task) {
  team.run(
      team.size(),
      [](void* user, int member) { (*static_cast<const std::function<void(int)>*>(user))(member); },
      const_cast<std::function<void(int)>*>(&task));
}

// Repetitions a second of a task that all members do, as fast as it was seen: a floor is what could be. The
// threads start together, and the slowest one counts.
double repetitions_per_second(ThreadTeam& team,
                              const std::function<void(int member, std::size_t times)>& task) {
  const auto seconds_of = [&](std::size_t times) {
    const Clock::time_point start = Clock::now();
    run_on_team(team, [&](int member) { task(member, times); });
    return std::chrono::duration<double>(Clock::now() - start).count();
  };
  std::size_t times = 1;
  while (seconds_of(times) < kSampleSeconds) times *= 2;
  double best = seconds_of(times);
  for (int i = 1; i < kSamples; ++i) best = std::min(best, seconds_of(times));
  return static_cast<double>(times) / best;
}

constexpr std::size_t kHugePage = std::size_t{2} << 20;

struct AlignedDelete {
  void operator()(std::byte* memory) const { ::operator delete[](memory, std::align_val_t{kHugePage}); }
};
using Memory = std::unique_ptr<std::byte[], AlignedDelete>;

Memory zeros(std::size_t bytes) {
  auto* memory = new (std::align_val_t{kHugePage}) std::byte[bytes];
  prefer_huge_pages({memory, bytes});
  std::memset(memory, 0, bytes);  // gives each page a place of its own
  return Memory(memory);
}

// Operations a second of all threads, each by `run`, which returns those that it did.
template <class T>
double operations_per_second(ThreadTeam& team, double (*run)(std::size_t times, T& value)) {
  T start = 1;
  const double once = run(1, start) * static_cast<double>(team.size());
  std::vector<Memory> values(static_cast<std::size_t>(team.size()));  // far apart
  for (Memory& one : values) one = zeros(sizeof(T));
  return once * repetitions_per_second(team, [&](int member, std::size_t times) {
           run(times, *reinterpret_cast<T*>(values[static_cast<std::size_t>(member)].get()));
         });
}

// What the kernel of the engine makes of that rate in a large product, on panels as the engine packs them.
template <class T>
double own_operations_per_second(ThreadTeam& team) {
  using host::cpu::Arithmetic;
  using host::cpu::Unit;
  constexpr std::int64_t n = kProductSize;
  std::vector<Memory> matrices(3 * static_cast<std::size_t>(team.size()));  // three for each member
  for (Memory& one : matrices) one = zeros(std::size_t{n * n} * sizeof(Arithmetic<T>));
  const auto matrix = [&]<class Element>(int member, int which, Element*) {
    const std::size_t at = 3 * static_cast<std::size_t>(member) + static_cast<std::size_t>(which);
    return reinterpret_cast<Element*>(matrices[at].get());
  };
  const auto& kernels = host::cpu::kernels_of<T>(host::cpu::best_target());
  const std::int64_t width = kernels.lanes * kernels.max_panel_vectors;
  const std::int64_t panels = n / width;
  const double products = repetitions_per_second(team, [&](int member, std::size_t times) {
    const T* a = matrix(member, 0, static_cast<T*>(nullptr));
    const Unit<T>* b = matrix(member, 1, static_cast<Unit<T>*>(nullptr));
    Arithmetic<T>* c = matrix(member, 2, static_cast<Arithmetic<T>*>(nullptr));
    for (std::size_t i = 0; i < times; ++i) {
      for (std::int64_t panel = 0; panel < panels; ++panel) {
        kernels.product({.a = a,
                         .a_row = n,
                         .a_column = 1,
                         .b = b + panel * host::cpu::units_of<T>(n) * width,
                         .b_row = width,
                         .c = c + panel * width,
                         .c_row = n,
                         .rows = n,
                         .columns = width,
                         .depth = n,
                         .accumulate = false});
      }
    }
  });
  return products * static_cast<double>(team.size()) * 2 * static_cast<double>(n * n * panels * width);
}

template <class T>
void note_own_product(ThreadTeam& team, const char* type, double rate, Measured& measured) {
  const double own = own_operations_per_second<T>(team);
  const std::string name = "own product of " + std::to_string(kProductSize) + ", " + std::string(type) + ", ";
  measured.notes.emplace_back(name + "operations/s", own);
  measured.notes.emplace_back(name + "share of multiply-adds", own / rate);
}

// Reading `bytes`, in equal parts by all threads, again and again.
double read_bandwidth(ThreadTeam& team, std::size_t bytes) {
  constexpr std::size_t kGrain = 4096;
  const auto threads = static_cast<std::size_t>(team.size());
  const std::size_t part = std::max(bytes / threads / kGrain * kGrain, kGrain);
  // Each thread touches its own part first, so that it lies near it.
  std::vector<Memory> memory(threads);
  run_on_team(team, [&](int member) { memory[static_cast<std::size_t>(member)] = zeros(part); });
  std::vector<std::uint32_t> sums(threads * kGrain);  // far apart
  const double passes = repetitions_per_second(team, [&](int member, std::size_t times) {
    const auto i = static_cast<std::size_t>(member);
    sums[i * kGrain] += read_memory(memory[i].get(), part, times);
  });
  return passes * static_cast<double>(part * threads);
}

// Values of sigmoid and of tanh, equally many, by the kernels that cells use.
template <class T>
double activations_per_second(ThreadTeam& team) {
  constexpr std::int64_t kCount = 1024;  // in and out are a quarter of a first-level cache
  const auto& kernels = host::cpu::kernels_of<T>(host::cpu::best_target());
  const auto threads = static_cast<std::size_t>(team.size());
  std::vector<Memory> memory(threads);
  for (Memory& one : memory) one = zeros(2 * kCount * sizeof(T));
  const double passes = repetitions_per_second(team, [&](int member, std::size_t times) {
    T* values = reinterpret_cast<T*>(memory[static_cast<std::size_t>(member)].get());
    for (std::size_t i = 0; i < times; ++i) {
      kernels.sigmoid(values, values + kCount, kCount);
      kernels.tanh(values, values + kCount, kCount);
    }
  });
  return passes * static_cast<double>(team.size()) * 2 * static_cast<double>(kCount);
}

double barrier_seconds(ThreadTeam& team) {
  host::SpinBarrier barrier;
  barrier.init(team.size());
  return 1 / repetitions_per_second(team, [&](int, std::size_t times) {
           for (std::size_t i = 0; i < times; ++i) barrier.wait();
         });
}

double call_seconds(ThreadTeam& team) {
  constexpr int kCalls = 1000;
  const auto nothing = [](int) {};
  double best = std::numeric_limits<double>::infinity();
  for (int sample = 0; sample < kSamples; ++sample) {
    const Clock::time_point start = Clock::now();
    for (int i = 0; i < kCalls; ++i) run_on_team(team, nothing);
    best = std::min(best, std::chrono::duration<double>(Clock::now() - start).count() / kCalls);
  }
  return best;
}

}  // namespace

Measured measure_cpu_rates(ThreadTeam& team) {
  Measured measured;
  Rates& rates = measured.rates;
  rates.threads = team.size();
  PrecisionRates& operations = rates.operations_per_second;
  operations.f32 = operations_per_second<float>(team, multiply_add);
  operations.f64 = operations_per_second<double>(team, multiply_add);
  // Without an instruction for it bf16 is widened and multiplied as f32.
  operations.bf16 =
      has_bf16_multiply_add() ? operations_per_second<float>(team, multiply_add_bf16) : operations.f32;
  note_own_product<float>(team, "f32", operations.f32, measured);
  note_own_product<double>(team, "f64", operations.f64, measured);
  note_own_product<host::Bf16>(team, "bf16", operations.bf16, measured);
  rates.activations_per_second.f32 = activations_per_second<float>(team);
  rates.activations_per_second.f64 = activations_per_second<double>(team);
  rates.call_seconds = call_seconds(team);
  rates.barrier_seconds = team.size() > 1 ? barrier_seconds(team) : 0;

  const Device device = Device::cpu();
  const CpuProps& cpu = device.props().cpu;
  const auto threads = static_cast<std::size_t>(team.size());
  // Half of a level is read: what else the program touches is there too.
  const std::size_t private_bytes = threads * cpu.l2_bytes;
  rates.levels.push_back({"L1", static_cast<double>(threads * cpu.l1d_bytes),
                          read_bandwidth(team, threads * cpu.l1d_bytes / 2)});
  rates.levels.push_back({"L2", static_cast<double>(private_bytes), read_bandwidth(team, private_bytes / 2)});
  // A last level that is no larger than all private ones holds nothing that they do not.
  if (cpu.l3_bytes >= 2 * private_bytes) {
    rates.levels.push_back({"L3", static_cast<double>(cpu.l3_bytes), read_bandwidth(team, cpu.l3_bytes / 2)});
  }
  const std::size_t memory =
      std::clamp(4 * cpu.l3_bytes, 8 * private_bytes, std::max(8 * private_bytes, kMostBytes));
  rates.levels.push_back({.name = "memory", .bytes_per_second = read_bandwidth(team, memory)});
  // Less memory is never slower to read: where it seems so, a smaller level had a bad moment.
  for (std::size_t i = rates.levels.size() - 1; i > 0; --i) {
    double& smaller = rates.levels[i - 1].bytes_per_second;
    smaller = std::max(smaller, rates.levels[i].bytes_per_second);
  }
  return measured;
}

}  // namespace recur::perf
