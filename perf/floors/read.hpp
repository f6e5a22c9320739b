// Reading memory as fast as one thread can.
#pragma once

#include <cstddef>
#include <cstdint>

namespace recur::perf {

// Reads `bytes` (a multiple of 1024, 64-byte aligned) `times` times with the widest loads that the processor
// has. Returns something that depends on all of it.
std::uint32_t read_memory(const void* memory, std::size_t bytes, std::size_t times);

}  // namespace recur::perf
