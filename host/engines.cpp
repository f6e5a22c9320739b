#include <algorithm>
#include <vector>

#include "host/cpu/cpu_engine.hpp"
#include "host/engine.hpp"

namespace recur::host {

std::span<const Engine* const> engines() {
  static const cpu::CpuEngine cpu_engine;
  static const std::vector<const Engine*> all = [] {
    std::vector<const Engine*> list(gpu_engines().begin(), gpu_engines().end());
    list.push_back(&cpu_engine);
    list.insert(list.end(), onednn_engines().begin(), onednn_engines().end());
    // Not of std::ranges: clang 14 cannot compile its subrange.
    std::stable_partition(list.begin(), list.end(),
                          [](const Engine* engine) { return !engine->is_reference(); });
    return list;
  }();
  return all;
}

std::optional<std::string> reason_against(const Engine& engine, const Job& job) {
  if (engine.is_reference() && job.options.engine != engine.id()) return std::string(kOnlyWhenNamed);
  return engine.refuse(job);
}

cells::Variant variant_of(const Spec& spec) {
  using cells::Variant;
  switch (spec.cell) {
    case Cell::rnn: return spec.activation == RnnActivation::relu ? Variant::rnn_relu : Variant::rnn_tanh;
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
