// The rates of a GPU: products, memory, launches, hops.
#include <algorithm>
#include <functional>

#include "host/cuda/check.hpp"
#include "host/cuda/clusters.hpp"
#include "host/gpu/gpu.hpp"
#include "perf/cuda/device_facts.hpp"
#include "perf/floors/hops.hpp"
#include "perf/floors/rates.hpp"
#include "perf/number.hpp"
#include "perf/shape.hpp"
#include "perf/statistics.hpp"

namespace recur::perf {
namespace {

constexpr int kSamples = 11;

class Gpu {
 public:
  explicit Gpu(Backend& backend)
      : backend_(backend),
        cuda_(backend.device().props().cuda),
        stream_(backend.stream().native()),
        values_(backend, std::size_t{4} << 20),
        data_(backend, std::size_t{1} << 20),
        flags_(backend, kFlagBytes) {}

  Measured measure() {
    add_clock();
    add_products();
    add_memory();
    add_launches();
    add_hops();
    return {rates_, notes_};
  }

 private:
  static constexpr std::size_t kFlagBytes = std::size_t{64} << 10;

  unsigned blocks() const { return static_cast<unsigned>(cuda_.multiprocessors); }
  bool has_clusters() const { return cuda_.compute_major >= 9; }
  static unsigned* words(const DeviceBuffer& buffer) { return reinterpret_cast<unsigned*>(buffer.data()); }

  // The shortest: a floor is what could be.
  double best_seconds(const std::function<void()>& work) {
    work();
    double best = backend_.device_seconds(work);
    for (int i = 1; i < kSamples; ++i) best = std::min(best, backend_.device_seconds(work));
    return best;
  }
  // The median, for what varies from launch to launch by where blocks are placed.
  double median_seconds(const std::function<void()>& work) {
    work();
    std::vector<double> seconds;
    for (int i = 0; i < kSamples; ++i) seconds.push_back(backend_.device_seconds(work));
    return summarize(seconds).median;
  }
  // Seconds of one of the steps of a kernel: the difference of many and few, without the launch.
  double seconds_per_step(const std::function<void(int steps)>& launch) {
    constexpr int kFew = 200;
    constexpr int kMany = 2200;
    const double few = median_seconds([&] { launch(kFew); });
    const double many = median_seconds([&] { launch(kMany); });
    return std::max(0.0, many - few) / (kMany - kFew);
  }
  void note(const std::string& name, double value) { notes_.emplace_back(name, value); }

  void add_clock() {
    constexpr std::int64_t kCycles = 20'000'000;
    const double seconds = best_seconds([&] { launch_cycles(kCycles, stream_); });
    note("multiprocessor clock, Hz", static_cast<double>(kCycles) / seconds);
  }

  void add_products() {
    host::gpu::Products products;
    for (const Precision precision : kPrecisions) {
      const bool needs_ampere = precision == Precision::bf16 || precision == Precision::tf32;
      if (needs_ampere && cuda_.compute_major < 8) continue;
      rate_of(precision) = operations_per_second(products, precision);
    }
  }

  double& rate_of(Precision precision) {
    PrecisionRates& rates = rates_.operations_per_second;
    switch (precision) {
      case Precision::tf32: return rates.tf32;
      case Precision::f64: return rates.f64;
      case Precision::bf16: return rates.bf16;
      case Precision::f16: return rates.f16;
      case Precision::f32: break;
    }
    return rates.f32;
  }

  double operations_per_second(host::gpu::Products& products, Precision precision) {
    const std::int64_t n = precision == Precision::f64 ? 2048 : 8192;
    const DataType type = storage_of(precision);
    const std::size_t bytes = static_cast<std::size_t>(n * n) * size_of(type);
    constexpr std::size_t kScratchBytes = std::size_t{32} << 20;
    const DeviceBuffer operand(backend_, bytes), result(backend_, bytes), scratch(backend_, kScratchBytes);
    // Zeros would need less power than numbers, and run faster.
    std::vector<std::byte> numbers(bytes);
    fill_random(type, 1, 1, numbers);
    backend_.write(operand.data(), numbers);
    host::gpu::Product product;
    product.M = product.N = product.K = n;
    product.left = {operand.data(), type, n};
    product.right = {operand.data(), type, n, 0, true};  // as W is stored
    product.result = {result.data(), type, n};
    product.tf32 = precision == Precision::tf32;
    product.scratch_bytes = kScratchBytes;
    const double seconds = best_seconds([&] { products.run(product, scratch.data(), stream_); });
    return 2 * static_cast<double>(n * n * n) / seconds;
  }

  // Copying, counting what is read and what is written.
  double copy_bandwidth(std::size_t bytes, int times) {
    const DeviceBuffer from(backend_, bytes), to(backend_, bytes);
    RECUR_CHECK(cudaMemsetAsync(from.data(), 0, bytes, static_cast<cudaStream_t>(stream_)));
    const auto copy = [&](int count) {
      return best_seconds(
          [&] { launch_copies(from.data(), to.data(), bytes, count, 4 * blocks(), stream_); });
    };
    return 2 * static_cast<double>(bytes) * times / std::max(copy(times + 1) - copy(1), 1e-9);
  }

  void add_memory() {
    const double l2 = static_cast<double>(cuda_.l2_bytes);
    // Source and destination together are a quarter of the cache; and sixteen times as much as it has.
    rates_.levels.push_back({"L2", l2, copy_bandwidth(cuda_.l2_bytes / 8 / 16 * 16, 40)});
    const std::size_t far = std::min(8 * cuda_.l2_bytes, cuda_.global_bytes / 8) / 16 * 16;
    rates_.levels.push_back({.name = "memory", .bytes_per_second = copy_bandwidth(far, 4)});
    rates_.resident_bytes = on_chip_bytes() * static_cast<double>(cuda_.multiprocessors);
  }

  // Registers and shared memory of a multiprocessor: no block can keep more of R.
  double on_chip_bytes() const {
    constexpr double kRegisterBytes = 4;
    return kRegisterBytes * cuda_.registers_per_multiprocessor +
           static_cast<double>(cuda_.shared_per_block_optin);
  }

  void add_hop(const std::string& name, double multiprocessors, double seconds) {
    rates_.hops.push_back({name, multiprocessors * on_chip_bytes(), seconds});
  }

  void add_launches() {
    constexpr int kLaunches = 500;
    const auto launches = [&] {
      for (int i = 0; i < kLaunches; ++i) launch_nothing(stream_);
    };
    rates_.launch_seconds = best_seconds(launches) / kLaunches;
    host::gpu::begin_capture(stream_);
    launches();
    const host::gpu::GraphHandle graph = host::gpu::end_capture(stream_);
    const double in_graph = best_seconds([&] { host::gpu::launch_graph(graph, stream_); }) / kLaunches;
    host::gpu::destroy_graph(graph);
    note("kernel after kernel in a graph, s", in_graph);
    double wait = wall_seconds(backend_, [&] { launch_nothing(stream_); });
    for (int i = 1; i < kSamples; ++i) {
      wait = std::min(wait, wall_seconds(backend_, [&] { launch_nothing(stream_); }));
    }
    note("launch until the host knows its end, s", wait);
    // Between two kernels everything can be exchanged, and R read again.
    rates_.hops.push_back({.name = "kernel in a graph", .seconds = in_graph});
  }

  void add_hops() {
    add_hop("block", 1,
            seconds_per_step([&](int steps) { launch_block_hops(words(values_), steps, 1, stream_); }));
    if (has_clusters()) {
      for (unsigned cluster = 2; cluster <= kLargestCluster; cluster *= 2) add_cluster(cluster);
    }
    add_grid();
  }

  void add_cluster(unsigned cluster) {
    const std::string name = "cluster of " + std::to_string(cluster);
    const int active =
        host::gpu::active_clusters(static_cast<int>(cluster), cuda_.shared_per_block_optin - kOwnShared);
    note(name + ": active with all shared memory", active);
    if (active == 0) return;
    const auto push = [&](unsigned pushed, unsigned clusters) {
      return seconds_per_step(
          [&](int steps) { launch_pushes(words(values_), steps, pushed, cluster, clusters, stream_); });
    };
    const double alone = push(kSmallPush, 1);
    const double barrier =
        seconds_per_step([&](int steps) { launch_cluster_hops(words(values_), steps, cluster, 1, stream_); });
    note(name + ": push of 128 bytes to all, s", alone);
    note(name + ": the same in all clusters at once, s", push(kSmallPush, static_cast<unsigned>(active)));
    note(name + ": store and cluster barrier, s", barrier);
    const double large = push(kMostPushed, static_cast<unsigned>(active));
    const double sent = 16.0 * (kMostPushed - kSmallPush) * (cluster - 1);
    // What more words cost more, in and out of a block.
    note(name + ": pushed by a block, bytes/s", sent / std::max(large - alone, 1e-9));
    add_hop(name, cluster, std::min(alone, barrier));
  }

  void add_grid() {
    const auto flags = [&](unsigned count) {
      return seconds_per_step([&, count](int steps) {
        RECUR_CHECK(cudaMemsetAsync(flags_.data(), 0, kFlagBytes, static_cast<cudaStream_t>(stream_)));
        launch_flag_hops(words(values_), words(data_), words(flags_), steps, count, stream_);
      });
    };
    note("flags of two blocks, s", flags(2));
    const double all = flags(blocks());
    const double barrier = seconds_per_step(
        [&](int steps) { launch_grid_hops(words(values_), words(data_), steps, blocks(), stream_); });
    note("flags of all multiprocessors, s", all);
    note("grid barrier of all multiprocessors, s", barrier);
    add_hop("grid", cuda_.multiprocessors, std::min(all, barrier));
  }

  static constexpr unsigned kSmallPush = 8;        // 128 bytes
  static constexpr std::size_t kOwnShared = 1024;  // mbarriers beside the dynamic part

  Backend& backend_;
  CudaProps cuda_;
  void* stream_;
  DeviceBuffer values_, data_, flags_;
  Rates rates_;
  std::vector<std::pair<std::string, double>> notes_;
};

}  // namespace

Measured measure_cuda_rates(Backend& backend) { return Gpu(backend).measure(); }

}  // namespace recur::perf
