// What only code that nvcc compiles can ask a GPU.
#pragma once

#include <cstdint>

namespace recur::perf {

// Keeps one thread busy for so many cycles of the multiprocessors' clock.
void launch_cycles(std::int64_t cycles, void* stream);

}  // namespace recur::perf
