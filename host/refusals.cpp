#include "host/refusals.hpp"

#include <algorithm>
#include <limits>

#include "host/cpu/simd/kernels.hpp"
#include "host/cudnn/combinations.hpp"
#include "host/onednn/availability.hpp"
#include "host/resident/choice.hpp"

namespace recur::host {
namespace {

constexpr Refusal kRefusals[] = {
    {EngineId::cpu, Feature::device_other_than_cpu, "runs on the CPU only"},
    {EngineId::cpu, Feature::simd_not_built,
     "the library was built without kernels for the instruction set that the device names"},
    {EngineId::cpu, Feature::dtype_f16, "dtype f16 is not implemented; f32, f64 and bf16 are"},
    {EngineId::cpu, Feature::recurrent_dropout, "recurrent_dropout is not implemented"},
    {EngineId::cpu, Feature::zoneout, "zoneout is not implemented"},
    {EngineId::cpu, Feature::layer_norm, "layer_norm is not implemented"},
    {EngineId::cpu, Feature::checkpointing, "checkpoint_interval is not implemented"},
    {EngineId::cpu, Feature::truncation, "truncation_window is not implemented"},
    {EngineId::cpu, Feature::batch_beyond_lists, "more than 2^31 - 1 sequences"},

    {EngineId::cluster_resident, Feature::device_other_than_cuda, "runs on CUDA devices only"},
    {EngineId::cluster_resident, Feature::before_hopper, "needs compute capability 9.0 or newer"},
    {EngineId::cluster_resident, Feature::dtype_f32, "dtype f32 is not implemented; bf16 and f16 are"},
    {EngineId::cluster_resident, Feature::dtype_f64, "dtype f64 is not implemented; bf16 and f16 are"},
    {EngineId::cluster_resident, Feature::batch_invariance, "batch_invariant is not implemented"},
    {EngineId::cluster_resident, Feature::residual, "residual is not implemented"},
    {EngineId::cluster_resident, Feature::projection, "projection_size is not implemented"},
    {EngineId::cluster_resident, Feature::recurrent_dropout, "recurrent_dropout is not implemented"},
    {EngineId::cluster_resident, Feature::zoneout, "zoneout is not implemented"},
    {EngineId::cluster_resident, Feature::clip, "clip is not implemented"},
    {EngineId::cluster_resident, Feature::layer_norm, "layer_norm is not implemented"},
    {EngineId::cluster_resident, Feature::activations,
     "activations other than the cell's own are not implemented"},
    {EngineId::cluster_resident, Feature::activations_by_direction,
     "activations that differ by direction are not implemented"},
    {EngineId::cluster_resident, Feature::checkpointing, "checkpoint_interval is not implemented"},
    {EngineId::cluster_resident, Feature::truncation, "truncation_window is not implemented"},
    {EngineId::cluster_resident, Feature::size_beyond_products,
     "a product would have a size or a row distance of more than 2^31 - 1 elements"},
    {EngineId::cluster_resident, Feature::steps_beyond_a_launch, "more than 2^31 - 1 steps"},
    {EngineId::cluster_resident, Feature::weights_beyond_the_chip,
     "R does not fit in the registers and shared memory of the largest cluster, of 16 blocks at most"},

    {EngineId::stepwise, Feature::device_other_than_cuda, "runs on CUDA devices only"},
    {EngineId::stepwise, Feature::before_turing, "needs compute capability 7.5 or newer"},
    {EngineId::stepwise, Feature::bf16_before_ampere, "dtype bf16 needs compute capability 8.0 or newer"},
    {EngineId::stepwise, Feature::batch_invariance, "batch_invariant is not implemented"},
    {EngineId::stepwise, Feature::recurrent_dropout, "recurrent_dropout is not implemented"},
    {EngineId::stepwise, Feature::zoneout, "zoneout is not implemented"},
    {EngineId::stepwise, Feature::clip, "clip is not implemented"},
    {EngineId::stepwise, Feature::layer_norm, "layer_norm is not implemented"},
    {EngineId::stepwise, Feature::activations, "activations other than the cell's own are not implemented"},
    {EngineId::stepwise, Feature::activations_by_direction,
     "activations that differ by direction are not implemented"},
    {EngineId::stepwise, Feature::checkpointing, "checkpoint_interval is not implemented"},
    {EngineId::stepwise, Feature::truncation, "truncation_window is not implemented"},
    {EngineId::stepwise, Feature::size_beyond_products,
     "a product would have a size or a row distance of more than 2^31 - 1 elements"},

    {EngineId::onednn, Feature::device_other_than_cpu, "runs on the CPU only"},
    {EngineId::onednn, Feature::simd_not_the_machines,
     "chooses its instruction set itself, for the machine it runs on; the device names another"},
    {EngineId::onednn, Feature::dtype_f64, "dtype f64 is not implemented; f32 and bf16 are"},
    {EngineId::onednn, Feature::dtype_f16, "dtype f16 is not implemented; f32 and bf16 are"},
    {EngineId::onednn, Feature::residual, "residual is not implemented"},
    {EngineId::onednn, Feature::coupled_input_forget, "coupled_input_forget is not implemented"},
    {EngineId::onednn, Feature::variable_lengths, "variable_lengths is not implemented"},
    {EngineId::onednn, Feature::reset_mask, "reset_mask is not implemented"},
    {EngineId::onednn, Feature::cell_sequence, "cell_sequence is not implemented"},
    {EngineId::onednn, Feature::batch_invariance, "batch_invariant is not implemented"},
    {EngineId::onednn, Feature::onednn_projection,
     "projection_size with dtype bf16 is not implemented; oneDNN 3.2 fails to train it and loses c where P "
     "is H"},
    {EngineId::onednn, Feature::dropout,
     "dropout in training is not implemented; oneDNN has no dropout between layers"},
    {EngineId::onednn, Feature::recurrent_dropout, "recurrent_dropout is not implemented"},
    {EngineId::onednn, Feature::zoneout, "zoneout is not implemented"},
    {EngineId::onednn, Feature::clip, "clip is not implemented"},
    {EngineId::onednn, Feature::layer_norm, "layer_norm is not implemented"},
    {EngineId::onednn, Feature::activations, "activations other than the cell's own are not implemented"},
    {EngineId::onednn, Feature::activations_by_direction,
     "activations that differ by direction are not implemented"},
    {EngineId::onednn, Feature::checkpointing, "checkpoint_interval is not implemented"},
    {EngineId::onednn, Feature::truncation, "truncation_window is not implemented"},
    {EngineId::onednn, Feature::size_beyond_products,
     "a product would have a size or a row distance of more than 2^31 - 1 elements"},
    // What depends on the machine: last, since asking loads the library and plans the layers.
    {EngineId::onednn, Feature::onednn_not_loaded,
     "the shared library libdnnl.so.3 (oneDNN 3, with OpenMP or without threads) was not found"},
    {EngineId::onednn, Feature::onednn_without_implementation,
     "oneDNN has no implementation of this on this machine"},

    {EngineId::cudnn, Feature::device_other_than_cuda, "runs on CUDA devices only"},
    {EngineId::cudnn, Feature::batch_invariance, "batch_invariant is not implemented"},
    {EngineId::cudnn, Feature::gru_reset_before, "cuDNN's gru resets after the product only"},
    {EngineId::cudnn, Feature::residual, "cuDNN has no residual rnn"},
    {EngineId::cudnn, Feature::peepholes, "cuDNN has no peepholes"},
    {EngineId::cudnn, Feature::coupled_input_forget, "cuDNN has no coupled input and forget gates"},
    {EngineId::cudnn, Feature::reverse, "cuDNN reads in reverse only beside reading forward"},
    {EngineId::cudnn, Feature::reset_mask, "cuDNN has no reset mask"},
    {EngineId::cudnn, Feature::cell_sequence, "cuDNN gives the last cell state only"},
    {EngineId::cudnn, Feature::full_projection, "cuDNN takes a projection_size of H for none"},
    {EngineId::cudnn, Feature::recurrent_dropout, "recurrent_dropout is not implemented"},
    {EngineId::cudnn, Feature::zoneout, "zoneout is not implemented"},
    {EngineId::cudnn, Feature::clip, "clip is not implemented; cuDNN's own clips the cell state, not sums"},
    {EngineId::cudnn, Feature::layer_norm, "layer_norm is not implemented"},
    {EngineId::cudnn, Feature::activations, "activations other than the cell's own are not implemented"},
    {EngineId::cudnn, Feature::activations_by_direction,
     "activations that differ by direction are not implemented"},
    {EngineId::cudnn, Feature::checkpointing, "checkpoint_interval is not implemented"},
    {EngineId::cudnn, Feature::truncation, "truncation_window is not implemented"},
    {EngineId::cudnn, Feature::cudnn_type, "cudnn_algorithm: this one does not take the dtype"},
    {EngineId::cudnn, Feature::cudnn_lengths, "cudnn_algorithm: this one does not take variable_lengths"},
    {EngineId::cudnn, Feature::cudnn_projection, "cudnn_algorithm: this one does not take projection_size"},
    {EngineId::cudnn, Feature::cudnn_dropout, "cudnn_algorithm: this one does not take dropout"},
    {EngineId::cudnn, Feature::size_beyond_cudnn,
     "a tensor would have more than 2^31 - 1 elements in a step, or a gate in its weights"},
    {EngineId::cudnn, Feature::device_described,
     "needs the device to plan for it: only there does cuDNN say how much memory it takes"},
};

// Compute capability, 75 for 7.5.
int capability(const Job& job) { return 10 * job.device.cuda.compute_major + job.device.cuda.compute_minor; }

}  // namespace

std::span<const Refusal> refusals() { return kRefusals; }

bool needs(const Job& job, Feature feature) {
  const Spec& spec = job.spec;
  const CudnnAlgorithm algorithm = job.options.cudnn_algorithm;
  switch (feature) {
    case Feature::device_other_than_cpu: return job.device.kind != DeviceKind::cpu;
    case Feature::device_other_than_cuda: return job.device.kind != DeviceKind::cuda;
    case Feature::before_turing: return capability(job) < 75;
    case Feature::bf16_before_ampere: return spec.dtype == DataType::bf16 && capability(job) < 80;
    case Feature::before_hopper: return capability(job) < 90;
    case Feature::batch_invariance: return job.options.batch_invariant;
    case Feature::simd_not_built: return cpu::find_target(job.device.cpu.simd) == nullptr;
    case Feature::simd_not_the_machines: return job.device.cpu.simd != cpu::best_target().name;
    case Feature::dtype_f16: return spec.dtype == DataType::f16;
    case Feature::dtype_f32: return spec.dtype == DataType::f32;
    case Feature::dtype_f64: return spec.dtype == DataType::f64;
    case Feature::coupled_input_forget: return spec.coupled_input_forget;
    case Feature::variable_lengths: return spec.variable_lengths;
    case Feature::reset_mask: return spec.reset_mask;
    case Feature::cell_sequence: return spec.cell_sequence;
    case Feature::projection: return is_projected(spec);
    case Feature::full_projection: return spec.projection_size == spec.hidden_size;
    case Feature::dropout: return drops(job);
    case Feature::recurrent_dropout: return spec.recurrent_dropout != 0;
    case Feature::zoneout: return spec.zoneout != 0;
    case Feature::clip: return spec.clip != 0;
    case Feature::layer_norm: return spec.layer_norm;
    case Feature::activations:
      return std::ranges::any_of(
          spec.activations, [](const GateActivation& gate) { return gate.function != Activation::standard; });
    case Feature::activations_by_direction: return spec.reverse_activations.has_value();
    case Feature::truncation: return job.options.truncation_window != 0;
    case Feature::checkpointing: return job.options.checkpoint_interval != 0;
    case Feature::batch_beyond_lists: return job.shape.batch > std::numeric_limits<std::int32_t>::max();
    case Feature::size_beyond_products: {
      // Sums of a row, and where batch is outermost the distance from one sequence to the next.
      constexpr std::int64_t kMost = 0x7fffffff;
      constexpr std::int64_t kMostSums = 4;
      const std::int64_t units = kMost / kMostSums;
      if (spec.input_size > units || spec.hidden_size > units / 2 || job.shape.batch > kMost) return true;
      const std::int64_t steps = kMost / std::max(kMostSums * spec.hidden_size, spec.input_size);
      return spec.layout == Layout::batch_major && job.shape.steps > steps;
    }
    case Feature::steps_beyond_a_launch: return job.shape.steps > 0x7fffffff;
    case Feature::weights_beyond_the_chip:
      return !resident::choose(cells::traits_of(variant_of(spec)), spec.hidden_size, job.shape.batch,
                               directions_of(spec), job.device.cuda);
    case Feature::gru_reset_before: return spec.cell == Cell::gru && spec.gru_reset == GruReset::before;
    case Feature::peepholes: return spec.peepholes;
    case Feature::residual: return spec.residual;
    case Feature::reverse: return spec.direction == Direction::reverse;
    case Feature::device_described: return job.device.cuda.ordinal < 0;
    // `fastest` is one that does.
    case Feature::cudnn_type:
      return algorithm != CudnnAlgorithm::fastest &&
             !cudnn::takes_types(algorithm, spec.dtype, cudnn::math_of(spec.dtype));
    case Feature::cudnn_lengths:
      return algorithm != CudnnAlgorithm::fastest && spec.variable_lengths &&
             !cudnn::takes_lengths(algorithm);
    case Feature::cudnn_projection:
      return algorithm != CudnnAlgorithm::fastest && is_projected(spec) &&
             !cudnn::takes_projection(algorithm);
    case Feature::cudnn_dropout:
      return algorithm != CudnnAlgorithm::fastest && drops(job) && !cudnn::takes_dropout(algorithm);
    case Feature::size_beyond_cudnn: {
      // Its sizes and strides are int: those of x and y over a batch, of all states, and of a gate's weights.
      constexpr std::int64_t kMost = 0x7fffffff;
      const std::int64_t widest = std::max(spec.input_size, directions_of(spec) * spec.hidden_size);
      return job.shape.steps > kMost || job.shape.batch > kMost / widest ||
             spec.hidden_size > kMost / std::max<std::int64_t>(gates_of(spec), widest);
    }
    case Feature::onednn_projection: return is_projected(spec) && spec.dtype == DataType::bf16;
    case Feature::onednn_not_loaded: return !onednn::is_loaded();
    case Feature::onednn_without_implementation: return !onednn::has_implementation(job);
  }
  return false;
}

bool is_for_device(EngineId engine, const Job& job) {
  return std::ranges::none_of(kRefusals, [&](const Refusal& row) {
    const bool is_of_device =
        row.feature == Feature::device_other_than_cpu || row.feature == Feature::device_other_than_cuda;
    return row.engine == engine && is_of_device && needs(job, row.feature);
  });
}

std::optional<std::string> refusal_of(EngineId engine, const Job& job) {
  const auto found = std::ranges::find_if(
      kRefusals, [&](const Refusal& row) { return row.engine == engine && needs(job, row.feature); });
  if (found == std::end(kRefusals)) return std::nullopt;
  return std::string(found->reason);
}

}  // namespace recur::host
