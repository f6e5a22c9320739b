// What stands behind a Plan.
#pragma once

#include <memory>
#include <vector>

#include "host/engine.hpp"

namespace recur::host {

class PlanState {
 public:
  PlanState(Job job, EngineId engine, std::vector<PassedOver> passed_over,
            std::unique_ptr<const EnginePlan> engine_plan);

  const Job& job() const { return job_; }
  EngineId engine() const { return engine_; }
  const std::vector<PassedOver>& passed_over() const { return passed_over_; }
  const EnginePlan& engine_plan() const { return *engine_plan_; }
  const EngineFacts& facts() const { return engine_plan_->facts(); }
  std::uint64_t fingerprint() const { return fingerprint_; }

 private:
  Job job_;
  EngineId engine_;
  std::vector<PassedOver> passed_over_;
  std::unique_ptr<const EnginePlan> engine_plan_;
  std::uint64_t fingerprint_;
};

}  // namespace recur::host
