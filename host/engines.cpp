#include <algorithm>
#include <iterator>
#include <vector>

#include "host/cpu/cpu_engine.hpp"
#include "host/engine.hpp"

namespace recur::host {

std::span<const Engine* const> engines() {
  static const cpu::CpuEngine cpu_engine;
  static constexpr const Engine* kCpu[] = {&cpu_engine};
  static const std::vector<const Engine*> all = [] {
    std::vector<const Engine*> list;
    for (bool reference : {false, true}) {
      const auto append = [&](std::span<const Engine* const> engines) {
        std::copy_if(engines.begin(), engines.end(), std::back_inserter(list),
                     [&](const Engine* engine) { return engine->is_reference() == reference; });
      };
      append(gpu_engines());
      append(kCpu);
      append(onednn_engines());
    }
    return list;
  }();
  return all;
}

std::optional<std::string> reason_against(const Engine& engine, const Job& job) {
  if (engine.is_reference() && job.options.engine != engine.id()) return std::string(kOnlyWhenNamed);
  std::optional<std::string> reason = engine.refuse(job);
  if (!reason && job.options.engine == EngineId::best) reason = engine.yields(job);
  return reason;
}

}  // namespace recur::host
