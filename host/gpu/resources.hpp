// What a Context on a GPU owns, as the rest of the library sees it.
#pragma once

#include <cstddef>
#include <memory>

#include "recur/context.hpp"

namespace recur::host::gpu {

// Recorded work that can be put on a stream again and again.
class Recording {
 public:
  virtual ~Recording() = default;
  virtual void launch(Stream stream) = 0;
};

// Side streams, events and library handles of one device.
class Resources {
 public:
  virtual ~Resources() = default;
  // On the stream: bytes of the device's memory copied, and set to zero.
  virtual void copy(void* to, const void* from, std::size_t bytes, Stream stream) = 0;
  virtual void clear(void* to, std::size_t bytes, Stream stream) = 0;
  // Calls work(user, stream) and records what it puts on the stream, without running it.
  virtual std::unique_ptr<Recording> record(void (*work)(void* user, Stream stream), void* user) = 0;
};

// Throws Unsupported where CUDA devices cannot be run on, or there is none of this index.
std::unique_ptr<Resources> make_resources(int ordinal);

}  // namespace recur::host::gpu
