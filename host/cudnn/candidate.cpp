#include "host/cudnn/candidate.hpp"

#include "host/cudnn/combinations.hpp"

namespace recur::host::cudnn {
namespace {

bool allows(const Job& job, CudnnAlgorithm algorithm) {
  if (job.options.cudnn_algorithm != CudnnAlgorithm::fastest) return job.options.cudnn_algorithm == algorithm;
  const Spec& spec = job.spec;
  return takes_types(algorithm, spec.dtype, math_of(spec.dtype)) &&
         (!is_projected(spec) || takes_projection(algorithm)) &&
         (!spec.variable_lengths || takes_lengths(algorithm)) && (!drops(job) || takes_dropout(algorithm));
}

}  // namespace

std::vector<Candidate> candidates_of(Session& session, const Job& job, std::string& refused) {
  std::vector<Candidate> candidates;
  const RunSizes most{job.shape.steps, job.shape.batch};
  for (CudnnAlgorithm algorithm : algorithms()) {
    if (!allows(job, algorithm)) continue;
    const Setup setup = setup_of(job, algorithm);
    try {
      session.describe_tensors(setup, most, nullptr);
      const TempSpaces temp = session.temp_spaces(setup, most.batch);
      WeightSpace weights(session, setup, most.batch, job.spec.bias);
      const Spaces spaces(setup, most, temp, weights.bytes(), session.dropout_state_bytes(setup));
      candidates.push_back({setup, std::move(weights), spaces});
    } catch (const Unsupported& error) {
      add_refusal(refused, algorithm, error.what());
    } catch (const DeviceError& error) {
      // Limits of the persistent algorithms may be reported as bad parameters, too.
      add_refusal(refused, algorithm, error.what());
    }
  }
  return candidates;
}

void add_refusal(std::string& refused, CudnnAlgorithm algorithm, std::string_view reason) {
  if (!refused.empty()) refused += "; ";
  refused.append(name_of(algorithm)).append(": ").append(reason);
}

}  // namespace recur::host::cudnn
