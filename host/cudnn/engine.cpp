#include "host/cudnn/engine.hpp"

#include <algorithm>
#include <cstdio>

#include "host/cudnn/plan.hpp"

namespace recur::host::cudnn {
namespace {

std::string tile_of(const Library& library, const Candidate& chosen, const std::vector<Candidate>& timed,
                    const std::string& refused) {
  const std::size_t version = library.GetVersion();  // 91900 for 9.19.0
  std::string text = "cuDNN " + std::to_string(version / 10000) + "." + std::to_string(version / 100 % 100) +
                     "." + std::to_string(version % 100) + ", algorithm " +
                     std::string(name_of(chosen.setup.algorithm));
  if (!chosen.seconds) return text;
  text += ", the fastest of";
  for (const Candidate& candidate : timed) {
    char seconds[64];
    std::snprintf(seconds, sizeof(seconds), " %.3g s", *candidate.seconds);
    text += (&candidate == &timed.front() ? " " : ", ") + std::string(name_of(candidate.setup.algorithm)) +
            seconds;
  }
  if (!refused.empty()) text += "; refused " + refused;
  return text;
}

}  // namespace

std::optional<std::string> CudnnEngine::refuse(const Job& job) const {
  const Loaded& loaded = load();
  if (loaded.library == nullptr) return "cuDNN 9 cannot be loaded: " + loaded.failure;
  const gpu::DeviceGuard guard(job.device.cuda.ordinal);
  Session session(*loaded.library);
  std::string refused;
  if (!candidates_of(session, job, refused).empty()) return std::nullopt;
  return "cuDNN refuses: " + refused;
}

std::unique_ptr<const EnginePlan> CudnnEngine::plan(const Job& job) const {
  const Library& library = *load().library;
  const gpu::DeviceGuard guard(job.device.cuda.ordinal);
  Session session(library);
  std::string refused;
  std::vector<Candidate> candidates = candidates_of(session, job, refused);
  if (job.options.cudnn_algorithm == CudnnAlgorithm::fastest)
    time_candidates(session, job, candidates, refused);
  if (candidates.empty()) throw Unsupported("cudnn: " + refused);
  const auto chosen = std::ranges::min_element(candidates, {}, &Candidate::seconds);
  std::string tile = tile_of(library, *chosen, candidates, refused);
  return std::make_unique<CudnnPlan>(library, job, std::move(*chosen), std::move(tile));
}

}  // namespace recur::host::cudnn
