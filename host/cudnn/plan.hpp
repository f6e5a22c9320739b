// The engine's part of a plan.
#pragma once

#include "host/cudnn/candidate.hpp"

namespace recur::host::cudnn {

class CudnnPlan final : public EnginePlan {
 public:
  // `tile`: the plan's line about how it runs.
  CudnnPlan(const Library& library, const Job& job, Candidate candidate, std::string tile);

  const EngineFacts& facts() const override { return facts_; }
  void check_forward(Context::State& context, const ForwardCall& call) const override;
  void check_backward(Context::State& context, const BackwardCall& call) const override;
  void prepare_weights(Context::State& context, Stream stream, std::span<const LayerWeights> weights,
                       std::span<std::byte> buffer) const override;
  void forward(Context::State& context, const ForwardCall& call) const override;
  void backward(Context::State& context, const BackwardCall& call) const override;

 private:
  Session& session_of(Context::State& context) const;
  void check_spaces(Context::State& context, const RunSizes& sizes) const;
  // As far as rows can be copied.
  std::int64_t most_row_stride() const { return static_cast<std::int64_t>(gpu::kMostPitch / setup_.element); }

  const Library& library_;
  const Spec spec_;
  const Shape shape_;
  const CudaProps device_;
  const Setup setup_;
  const WeightSpace weights_;
  const Spaces spaces_;
  EngineFacts facts_;
};

}  // namespace recur::host::cudnn
