// The streams of one call, and the order in which layers, directions and chunks of time are put on them.
//
// Slot 0 is the caller's stream; the others start from it and end in it, so that the call as a whole is
// ordered with the caller's work and can be captured.
#pragma once

#include <span>

#include "host/gpu_pass/geometry.hpp"

namespace recur::host::gpu_pass {

class StreamSlots {
 public:
  StreamSlots(gpu::DeviceResources& resources, Stream stream, int count)
      : resources_(resources), stream_(stream.native()), count_(count) {
    fork();
  }

  int count() const { return count_; }
  // The stream of a slot. With one slot, that is the caller's stream.
  gpu::StreamHandle stream(int slot) const {
    return slot == 0 || count_ == 1 ? stream_ : resources_.side_stream(slot - 1);
  }

  // Work that side slots get from now on runs after the work that slot 0 has now.
  void fork() {
    if (count_ == 1) return;
    gpu::record(resources_.fork_event(), stream_);
    for (int slot = 1; slot < count_; ++slot) gpu::wait(stream(slot), resources_.fork_event());
  }
  // Work that slot 0 gets from now on runs after the work that all slots have now.
  void join() {
    for (int slot = 1; slot < count_; ++slot) {
      gpu::record(resources_.slot_event(slot), stream(slot));
      gpu::wait(stream_, resources_.slot_event(slot));
    }
  }
  void meet() {
    join();
    fork();
  }

  // How far a layer has come, for the next one to wait for.
  void passed(std::int64_t layer, int slot) {
    if (count_ > 1) gpu::record(resources_.layer_event(layer), stream(slot));
  }
  void wait_for(std::int64_t layer, int slot) {
    if (count_ > 1) gpu::wait(stream(slot), resources_.layer_event(layer));
  }

 private:
  gpu::DeviceResources& resources_;
  gpu::StreamHandle stream_;
  int count_;
};

// A chunk of time of one of the tracks (a direction of a layer) that run at once.
struct Task {
  int track;
  std::int64_t chunk;
};

// Runs chunks of different slots side by side. A pass has begin(task), steps(tasks), end(task).
template <class Pass>
void run_side_by_side(Pass& pass, std::span<const Task> tasks) {
  for (const Task& task : tasks) pass.begin(task);
  pass.steps(tasks);
  for (const Task& task : tasks) pass.end(task);
}

// All chunks of tracks that do not depend on each other.
template <class Pass>
void run_independent(Pass& pass, int tracks, std::int64_t chunks) {
  for (std::int64_t chunk = 0; chunk < chunks; ++chunk) {
    Task tasks[gpu::kMostSlots];
    for (int track = 0; track < tracks; ++track) tasks[track] = {track, chunk};
    run_side_by_side(pass, std::span(tasks, static_cast<std::size_t>(tracks)));
  }
}

// All chunks of tracks each of which needs the same chunk of the one before it: chunk after chunk along
// diagonals. Later tracks come first in a diagonal, so that each waits for what the track before recorded in
// the last one.
template <class Pass>
void run_wavefront(Pass& pass, int tracks, std::int64_t chunks) {
  for (std::int64_t diagonal = 0; diagonal < chunks + tracks - 1; ++diagonal) {
    Task tasks[gpu::kMostSlots];
    std::size_t count = 0;
    for (int track = tracks - 1; track >= 0; --track) {
      const std::int64_t chunk = diagonal - track;
      if (chunk >= 0 && chunk < chunks) tasks[count++] = {track, chunk};
    }
    run_side_by_side(pass, std::span(tasks, count));
  }
}

}  // namespace recur::host::gpu_pass
