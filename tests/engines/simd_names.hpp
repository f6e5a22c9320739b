/// @file
/// The instruction sets that tests run the CPU engine on.
#pragma once

#include <string>
#include <vector>

#include "host/cpu/simd/kernels.hpp"

namespace recur::test {

/// All that both the build and this machine have.
inline std::vector<std::string> simd_names() {
  std::vector<std::string> names;
  for (const host::cpu::SimdTarget* target : host::cpu::compiled_targets()) {
    if (host::cpu::is_supported(*target)) names.emplace_back(target->name);
  }
  return names;
}

}  // namespace recur::test
