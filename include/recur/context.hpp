/// @file
/// What a call needs beside a plan and buffers: a stream, threads, and library handles.
#pragma once

#include <memory>

#include "recur/device.hpp"
#include "recur/export.hpp"

namespace recur {

/// An opaque stream: a value that owns nothing. On the CPU there is one stream, and a call returns when its
/// work is done.
class Stream {
 public:
  /// The CPU's stream, or the legacy default stream of CUDA.
  Stream() = default;
  /// Wraps a `cudaStream_t`, passed as `void*` so that this header needs no CUDA header.
  ///
  /// @param handle  the stream, which must outlive the work that is put on it
  static Stream from_native(void* handle) { return Stream(handle); }
  void* native() const { return handle_; }  ///< the handle; null for the default stream

 private:
  explicit Stream(void* handle) : handle_(handle) {}
  void* handle_ = nullptr;
};

/// A persistent team of threads. The thread that calls into the library is member 0, so that a team of n
/// members starts n - 1 threads, which sleep between calls. A team serves one call at a time. A child of fork
/// has none of its parent's threads: it can destroy a team that it inherits, and nothing else.
class RECUR_API ThreadTeam {
 public:
  /// Starts the threads.
  ///
  /// @param threads  members of the team, 1 to 1024, the calling thread among them
  /// @throws InvalidArgument  for another number
  /// @throws OutOfMemory      where the system gives no more threads or memory
  explicit ThreadTeam(int threads);
  /// Ends the threads. No call may be running.
  ~ThreadTeam();
  ThreadTeam(const ThreadTeam&) = delete;
  ThreadTeam& operator=(const ThreadTeam&) = delete;

  int size() const;  ///< members, the calling thread among them

  /// Runs `task(user, member)` once on each of the members 0 to members - 1, and returns when all are done.
  ///
  /// @param members  how many members take part, 1 to `size()`
  /// @param task     the function; it must not throw, and must not call `run` of this team
  /// @param user     passed to `task` as it is
  /// @throws InvalidArgument  for another number of members, for a null task, for a team that is in a call,
  ///         and in a child of fork where the team has threads
  void run(int members, void (*task)(void* user, int member), void* user);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Resources that outlive single calls: library handles, side streams, events, and the caller's team. A
/// context serves one call at a time; a second call at the same moment gets InvalidArgument.
class RECUR_API Context {
 public:
  /// Makes the resources of a device. A device that is only described has none, and no call runs on it.
  ///
  /// @param device  where calls run
  /// @param team    the threads of CPU calls, not owned, which must outlive the context; null for the calling
  ///                thread alone. Engines on GPUs ignore it.
  /// @throws Unsupported  for a CUDA device where librecur_cuda.so cannot be loaded
  /// @throws OutOfMemory  where the host has no memory for the resources
  /// @throws DeviceError  where CUDA reports a failure
  explicit Context(const Device& device, ThreadTeam* team = nullptr);
  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  const DeviceProps& device() const;  ///< the device that the context was made for

  struct State;
  /// For the library's own use.
  State& state() { return *state_; }

 private:
  std::unique_ptr<State> state_;
};

}  // namespace recur
