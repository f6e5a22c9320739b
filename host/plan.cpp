#include "recur/plan.hpp"

#include <algorithm>
#include <cinttypes>
#include <cstdio>

#include "host/activations.hpp"
#include "host/fields.hpp"
#include "host/out_of_memory.hpp"
#include "host/plan_state.hpp"
#include "host/refusals.hpp"
#include "host/validate_job.hpp"
#include "recur/version.hpp"

namespace recur {
namespace host {
namespace {

std::uint64_t fingerprint_of(const Job& job, EngineId engine, const EngineFacts& facts) {
  Hash hash;
  hash.add(RECUR_VERSION);
  add_fields(hash, job.spec);
  hash.add(static_cast<std::uint64_t>(job.shape.steps)).add(static_cast<std::uint64_t>(job.shape.batch));
  add_fields(hash, job.options);
  hash.add(static_cast<std::uint64_t>(engine)).add(facts.layout_id).add(facts.bits_id);
  return hash.value();
}

std::string list(const std::vector<PassedOver>& passed_over) {
  std::string text;
  for (const PassedOver& one : passed_over) {
    text += "\n  " + std::string(name_of(one.engine)) + ": " + one.reason;
  }
  return text;
}

// Engines of the job's device, then references that were not asked, then engines of other devices.
void put_reasons_that_matter_first(const Job& job, std::vector<PassedOver>& passed_over) {
  const auto rank = [&](const PassedOver& one) {
    if (!is_for_device(one.engine, job)) return 2;
    return one.reason == kOnlyWhenNamed ? 1 : 0;
  };
  std::ranges::stable_sort(passed_over, {}, rank);
}

void log_line(const LogCallback& log, const std::string& line) {
  if (log.write != nullptr) log.write(log.user, line);
}

}  // namespace

PlanState::PlanState(Job job, EngineId engine, std::vector<PassedOver> passed_over,
                     std::unique_ptr<const EnginePlan> engine_plan)
    : job_(std::move(job)),
      engine_(engine),
      passed_over_(std::move(passed_over)),
      engine_plan_(std::move(engine_plan)),
      fingerprint_(fingerprint_of(job_, engine_, engine_plan_->facts())) {}

namespace {

Plan choose_engine(Job job) {
  validate_job(job);
  job.spec = with_activations_in_one_form(job.spec);
  const Options& options = job.options;
  std::vector<PassedOver> passed_over;
  for (const Engine* engine : engines()) {
    if (options.engine != EngineId::best && options.engine != engine->id()) continue;
    if (std::optional<std::string> reason = reason_against(*engine, job)) {
      passed_over.push_back({engine->id(), *std::move(reason)});
      continue;
    }
    Plan plan(
        std::make_shared<const PlanState>(job, engine->id(), std::move(passed_over), engine->plan(job)));
    log_line(options.log, plan.explain());
    return plan;
  }
  if (options.engine != EngineId::best && passed_over.empty()) {
    passed_over.push_back({options.engine, "this build has no such engine"});
  }
  put_reasons_that_matter_first(job, passed_over);
  const std::string who = options.engine == EngineId::best ? "no engine can" : "the named engine cannot";
  const std::string message = who + " run this on " + job.device.name + ":" + list(passed_over);
  log_line(options.log, message);
  throw Unsupported(message);
}

}  // namespace

}  // namespace host

const Spec& Plan::spec() const { return state_->job().spec; }
const Shape& Plan::shape() const { return state_->job().shape; }
const Options& Plan::options() const { return state_->job().options; }
const DeviceProps& Plan::device() const { return state_->job().device; }
EngineId Plan::engine() const { return state_->engine(); }
const std::vector<PassedOver>& Plan::passed_over() const { return state_->passed_over(); }
const std::string& Plan::tile() const { return state_->facts().tile; }
double Plan::resident_fraction() const { return state_->facts().resident_fraction; }
std::optional<double> Plan::predicted_seconds() const { return state_->facts().predicted_seconds; }
std::optional<double> Plan::predicted_backward_seconds() const {
  return state_->facts().predicted_backward_seconds;
}
int Plan::threads() const { return state_->facts().threads; }
const BufferSizes& Plan::sizes() const { return state_->facts().sizes; }
std::uint64_t Plan::layout_id() const { return state_->facts().layout_id; }
std::uint64_t Plan::fingerprint() const { return state_->fingerprint(); }

std::string Plan::explain() const {
  const auto number = [](const char* format, auto value) {
    char text[64];
    std::snprintf(text, sizeof(text), format, value);
    return std::string(text);
  };
  const BufferSizes& bytes = sizes();
  std::string text = "engine: " + std::string(name_of(engine())) + " on " + device().name;
  text += "\nstatus: " + std::string(status_of(engine()));
  for (const PassedOver& one : passed_over()) {
    if (!host::is_for_device(one.engine, state_->job())) continue;
    text += "\npassed over: " + std::string(name_of(one.engine)) + ": " + one.reason;
  }
  text += "\ntile: " + tile();
  text += "\nresident: " + number("%.0f", 100 * resident_fraction()) + " % of the recurrent weights";
  text += "\npredicted: ";
  text += predicted_seconds() ? number("%.3g", *predicted_seconds()) + " s" : "nothing, without rates";
  if (predicted_backward_seconds()) {
    text += ", backward " + number("%.3g", *predicted_backward_seconds()) + " s";
  }
  text += "\nbytes: workspace " + std::to_string(bytes.workspace) + " (with weights prepared " +
          std::to_string(bytes.workspace_prepared) + ", in backward " +
          std::to_string(bytes.workspace_backward) + "), reserve " + std::to_string(bytes.reserve) +
          ", buffer of prepared weights " + std::to_string(bytes.prepared_weights);
  text += "\nlayout: " + number("%016" PRIx64, layout_id());
  text += "\nfingerprint: " + number("%016" PRIx64, fingerprint());
  return text;
}

std::string_view status_of(EngineId engine) {
  switch (engine) {
    case EngineId::best: return "the first engine that can do a job";
    case EngineId::cpu: return "tested on CPUs, with every instruction set that the build has";
    case EngineId::stepwise:
    case EngineId::cluster_resident:
    case EngineId::fused: return "in simt only: tested with its kernels on the CPU, has not run on a GPU";
    case EngineId::cudnn: return "over a stand-in only: a reference that has not run on a GPU";
    case EngineId::onednn: return "a reference: oneDNN's code, tested on CPUs as ours";
  }
  return "unknown engine";
}

Plan make_plan(const Spec& spec, const Shape& shape, const Device& device, const Options& options) {
  return host::with_memory("make_plan", [&] {
    return host::choose_engine({spec, shape, device.props(), options});
  });
}

std::vector<PassedOver> survey_engines(const Spec& spec, const Shape& shape, const Device& device,
                                       const Options& options) {
  return host::with_memory("survey_engines", [&] {
    host::Job job{spec, shape, device.props(), options};
    host::validate_job(job);
    job.spec = host::with_activations_in_one_form(spec);
    std::vector<PassedOver> survey;
    for (const host::Engine* engine : host::engines()) {
      survey.push_back({engine->id(), host::reason_against(*engine, job).value_or("")});
    }
    return survey;
  });
}

}  // namespace recur
