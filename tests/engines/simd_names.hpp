/// @file
/// The instruction sets that tests run the CPU engine on.
#pragma once

#include <string>
#include <vector>

#include "host/cpu/simd/kernels.hpp"

namespace recur::test {

/// All that both the build and this machine have, those that have kernels of their own for a type.
inline std::vector<std::string> simd_names(DataType type) {
  std::vector<std::string> names;
  for (const host::cpu::SimdTarget* target : host::cpu::compiled_targets()) {
    const std::string_view kernels = type == DataType::bf16  ? target->bf16->target
                                     : type == DataType::f64 ? target->f64->target
                                                             : target->f32->target;
    if (host::cpu::is_supported(*target) && kernels == target->name) names.emplace_back(target->name);
  }
  return names;
}

}  // namespace recur::test
