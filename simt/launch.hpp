/// @file
/// The host's side of simt: launches, streams, events and graphs of an emulated device.
///
/// Everything that is put on a stream waits until `synchronize`, which runs it in an order that streams and
/// events allow and the schedule chooses. So a forgotten event shows as a wrong result under some schedule,
/// and always as a race under ThreadSanitizer.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

#include "simt/device_model.hpp"
#include "simt/fault.hpp"

namespace simt {

/// Order in which threads, blocks and streams run where CUDA leaves it open.
enum class Order {
  ascending,
  descending,
  random,
  starved,  ///< random, and one warp runs only when nothing else can
};

struct Schedule {
  Order order = Order::ascending;
  std::uint32_t seed = 1;
};

/// The schedule and device of everything that runs from now on. Starts as SIMT_ORDER ("ascending",
/// "descending", "random", "starved") and SIMT_SEED of the environment say, on an H100. Call with nothing
/// pending.
void set_schedule(Schedule schedule);
Schedule schedule();
/// In the late mode a plain store, of global memory or of another block's shared memory, is seen by its own
/// block at once, and by another only after a release that this one acquires. Starts as SIMT_LATE ("1") says.
/// Global memory has to be named; what is not is seen at once. Call both with nothing pending.
void set_late(bool late);
/// Whether Statistics counts accesses to shared memory.
void set_counting(bool counting);
bool late();
void name_global(void* memory, std::size_t bytes);
void forget_global(void* memory);
void set_device(DeviceModel model);
const DeviceModel& device();

/// A launch as the runtime sees it: kernels/device/launch.cuh's LaunchConfig.
struct Launch {
  std::string name;
  dim3 grid, block, cluster;
  std::size_t shared_bytes = 0;
  bool cooperative = false;
  int registers = 0;  ///< of a thread, 0: not said
  /// Starts before the node before it has ended: until `wait_for_node_before` its threads know only what that one
  /// knew when it started.
  bool dependent = false;
};

/// Throws a Fault when the device would refuse the launch, or could not hold together what must run together.
void check_launch(const Launch& launch, const DeviceModel& device);
/// Largest number of clusters (blocks, without clusters) that the device holds at once.
int resident_clusters(const Launch& launch, const DeviceModel& device);

using StreamHandle = void*;  ///< null: the default stream, one more stream here
using EventHandle = void*;
using GraphHandle = void*;

StreamHandle create_stream();
void destroy_stream(StreamHandle stream);
EventHandle create_event();
void destroy_event(EventHandle event);
void record(EventHandle event, StreamHandle stream);
void wait(StreamHandle stream, EventHandle event);

void begin_capture(StreamHandle stream);
/// Throws a Fault when work on another stream was forked and never joined.
GraphHandle end_capture(StreamHandle stream);
void launch_graph(GraphHandle graph, StreamHandle stream);
void destroy_graph(GraphHandle graph);
bool is_capturing(StreamHandle stream);

/// Runs what is pending on all streams. The first Fault of a kernel is thrown from here and drops what is
/// pending.
void synchronize();

/// Puts a function of the host on a stream: copies, products. Runs as a thread of its own to the race
/// detector.
void enqueue(const std::string& name, StreamHandle stream, std::function<void()> function);
/// Puts a kernel on a stream; `thread` is run once for each of its threads.
void enqueue(Launch launch, StreamHandle stream, std::function<void()> thread);

/// Counts since the program's start.
struct Statistics {
  std::uint64_t launches = 0;
  std::uint64_t threads = 0;
  std::uint64_t switches = 0;
  std::uint64_t bytes_between_blocks = 0;    ///< that arrived in another block's shared memory by copies
  std::uint64_t shared_accesses = 0;         ///< of warps, as far as noted (note_shared_access, ldmatrix)
  std::uint64_t shared_passes = 0;           ///< of 32 banks of 4 bytes that these took
  std::uint64_t shared_passes_at_least = 0;  ///< that their bytes would take without a conflict
};
const Statistics& statistics();

template <class Config, class... Parameters, class... Arguments>
void launch(const char* name, void (*kernel)(Parameters...), const Config& config, Arguments&&... arguments) {
  std::tuple<std::decay_t<Parameters>...> values(static_cast<Parameters>(arguments)...);
  enqueue(Launch{name, config.grid, config.block, config.cluster, config.shared_bytes, config.cooperative,
                 config.registers, config.dependent},
          config.stream, [kernel, values] { std::apply(kernel, values); });
}

}  // namespace simt
