#include "perf/contenders.hpp"

#include <algorithm>

#include "recur/error.hpp"

namespace recur::perf {
namespace {

bool is_reference(EngineId engine) { return engine == EngineId::cudnn || engine == EngineId::onednn; }

// All but `fastest`, which is one of them.
constexpr CudnnAlgorithm kAlgorithms[] = {CudnnAlgorithm::standard, CudnnAlgorithm::persist_static,
                                          CudnnAlgorithm::persist_dynamic,
                                          CudnnAlgorithm::persist_static_small_h};

}  // namespace

std::vector<Contender> all_contenders(const Device& device) {
  std::vector<Contender> contenders;
  for (const PassedOver& one : survey_engines({.input_size = 1, .hidden_size = 1}, {}, device)) {
    Contender contender{std::string(recur::name_of(one.engine)), is_reference(one.engine), {}};
    contender.options.engine = one.engine;
    // On the CPU one refusal says it all.
    if (one.engine != EngineId::cudnn || device.props().kind != DeviceKind::cuda) {
      contenders.push_back(contender);
      continue;
    }
    for (const CudnnAlgorithm algorithm : kAlgorithms) {
      contenders.push_back(contender);
      contenders.back().name += " " + std::string(recur::name_of(algorithm));
      contenders.back().options.cudnn_algorithm = algorithm;
    }
  }
  return contenders;
}

std::vector<Contender> choose_contenders(const std::vector<Contender>& all,
                                         const std::vector<std::string>& wanted) {
  std::vector<Contender> chosen;
  for (const std::string& name : wanted) {
    const std::size_t before = chosen.size();
    std::ranges::copy_if(all, std::back_inserter(chosen), [&](const Contender& one) {
      return one.name == name || recur::name_of(one.options.engine) == name;
    });
    if (chosen.size() != before) continue;
    std::string known;
    for (const Contender& one : all) {
      if (!known.empty()) known += ", ";
      known += one.name;
    }
    throw InvalidArgument(
        std::string("engine: this build has ").append(known).append("; got '").append(name) + "'");
  }
  return chosen;
}

void load_libraries(const std::vector<Contender>& contenders, const Device& device) {
  for (const Contender& contender : contenders) {
    try {
      make_plan({.input_size = 1, .hidden_size = 1}, {1, 1}, device, contender.options);
    } catch (const Error&) {
      // Cases will say why.
    }
  }
}

Plan plan_for(const Contender& contender, const Shape& shape, Precision precision, Timed pass, int threads,
              const Device& device) {
  const bool is_step = pass == Timed::step;
  const bool is_training = pass == Timed::forward || pass == Timed::backward;
  Options options = contender.options;
  options.pass = is_training ? Pass::training : Pass::inference;
  options.threads = threads;
  options.tf32 = precision == Precision::tf32;
  try {
    return make_plan(spec_for(shape, precision, pass), {is_step ? 1 : shape.T, shape.B}, device, options);
  } catch (const Unsupported& error) {
    // The message has a line for each engine that was asked, of which there is one.
    const std::string message = error.what();
    const std::string mark = "\n  " + std::string(recur::name_of(options.engine)) + ": ";
    const std::size_t at = message.find(mark);
    throw Unsupported(at == std::string::npos ? message : message.substr(at + mark.size()));
  }
}

}  // namespace recur::perf
