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

cells::Variant variant_of(const Spec& spec) {
  using cells::Variant;
  switch (spec.cell) {
    case Cell::rnn: {
      const bool relu = spec.activation == RnnActivation::relu;
      if (spec.residual) return relu ? Variant::rnn_relu_residual : Variant::rnn_tanh_residual;
      return relu ? Variant::rnn_relu : Variant::rnn_tanh;
    }
    case Cell::gru:
      return spec.gru_reset == GruReset::before ? Variant::gru_reset_before : Variant::gru_reset_after;
    case Cell::lstm: break;
  }
  if (spec.coupled_input_forget) {
    return spec.peepholes ? Variant::lstm_coupled_peephole : Variant::lstm_coupled;
  }
  return spec.peepholes ? Variant::lstm_peephole : Variant::lstm;
}

}  // namespace recur::host
