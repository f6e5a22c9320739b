/// @file
/// What a run needs beside a plan and buffers: an execution stream, threads, and library handles.
#pragma once

#include <memory>

#include "recur/device.hpp"
#include "recur/export.hpp"

namespace recur {

/// An opaque stream. The default one is the CPU's (calls return when the work is done) or CUDA's legacy
/// default stream. Holds no resources.
class Stream {
 public:
  Stream() = default;
  /// Wraps a `cudaStream_t`, passed as `void*` so that this header needs no CUDA header.
  static Stream from_native(void* handle) { return Stream(handle); }
  void* native() const { return handle_; }

 private:
  explicit Stream(void* handle) : handle_(handle) {}
  void* handle_ = nullptr;
};

/// A persistent team of threads. The thread that calls into the library is member 0, so a team of n starts
/// n - 1 threads, which sleep between calls. Serves one call at a time. A child of fork has no threads of its
/// parent: it can destroy a team that it inherits, and nothing else.
class RECUR_API ThreadTeam {
 public:
  /// Starts the threads. @throws InvalidArgument unless 1 <= threads <= 1024; OutOfMemory when the system
  /// gives no more threads.
  explicit ThreadTeam(int threads);
  ~ThreadTeam();
  ThreadTeam(const ThreadTeam&) = delete;
  ThreadTeam& operator=(const ThreadTeam&) = delete;

  int size() const;

  /// Runs `task(user, member)` once on every member 0..members-1 and returns when all are done. The task must
  /// not throw and must not call `run` of the same team. @throws InvalidArgument in a child of fork, if the
  /// team has threads.
  void run(int members, void (*task)(void* user, int member), void* user);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Resources that outlive single calls: handles, side streams, events, and the caller's team. Made outside
/// `forward`; serves one call at a time, a second one at the same moment gets InvalidArgument.
class RECUR_API Context {
 public:
  /// @param team  the CPU's threads; null runs on the calling thread only. Not owned, must outlive this.
  explicit Context(const Device& device, ThreadTeam* team = nullptr);
  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  const DeviceProps& device() const;

  struct State;
  /// For the library's own use.
  State& state() { return *state_; }

 private:
  std::unique_ptr<State> state_;
};

}  // namespace recur
