// What the reference cudnn refuses, as far as no device has to be asked.
#include <algorithm>

#include "host/cudnn/combinations.hpp"
#include "host/refusals.hpp"

namespace recur::host::cudnn {
namespace {

// Whether the job names an algorithm; `fastest` is one that takes the job.
bool names_algorithm(const Job& job) { return job.options.cudnn_algorithm != CudnnAlgorithm::fastest; }

// cuDNN's sizes and strides are int: those of x and y over a batch, of all states, and of a gate's weights.
bool is_beyond_cudnn(const Job& job) {
  constexpr std::int64_t kMost = 0x7fffffff;
  const Spec& spec = job.spec;
  const std::int64_t widest = std::max(spec.input_size, directions_of(spec) * spec.hidden_size);
  return job.shape.steps > kMost || job.shape.batch > kMost / widest ||
         spec.hidden_size > kMost / std::max<std::int64_t>(gates_of(spec), widest);
}

}  // namespace

Refusals refusals() {
  using enum FieldId;
  return joined({
      {only_on(DeviceKind::cuda)},
      not_without_R("which cuDNN's cells all have"),
      {{[](const Job& job) { return job.spec.gru_reset == GruReset::before; },
        "cuDNN's gru resets after the product only"},
       {[](const Job& job) { return job.spec.residual; }, "cuDNN has no residual rnn"},
       {[](const Job& job) { return job.spec.peepholes; }, "cuDNN has no peepholes"},
       {[](const Job& job) { return job.spec.coupled_input_forget; },
        "cuDNN has no coupled input and forget gates"},
       {[](const Job& job) { return job.spec.direction == Direction::reverse; },
        "cuDNN reads in reverse only beside reading forward"},
       {[](const Job& job) { return job.spec.reset_mask; }, "cuDNN has no reset mask"},
       {[](const Job& job) { return job.spec.cell_sequence; }, "cuDNN gives the last cell state only"},
       {[](const Job& job) { return job.spec.projection_size == job.spec.hidden_size; },
        "cuDNN takes a projection_size of H for none"},
       {[](const Job& job) { return job.spec.clip != 0; },
        "clip is not implemented; cuDNN's own clips the cell state, not sums"}},
      fields_but({residual, gru_reset, peepholes, coupled_input_forget, variable_lengths, reset_mask,
                  cell_sequence, projection_size, dropout, clip}),
      {{[](const Job& job) {
          return names_algorithm(job) &&
                 !takes_types(job.options.cudnn_algorithm, job.spec.dtype, math_of(job.spec.dtype));
        },
        "cudnn_algorithm: this one does not take the dtype"},
       {[](const Job& job) {
          return names_algorithm(job) && job.spec.variable_lengths &&
                 !takes_lengths(job.options.cudnn_algorithm);
        },
        "cudnn_algorithm: this one does not take variable_lengths"},
       {[](const Job& job) {
          return names_algorithm(job) && is_projected(job.spec) &&
                 !takes_projection(job.options.cudnn_algorithm);
        },
        "cudnn_algorithm: this one does not take projection_size"},
       {[](const Job& job) {
          return names_algorithm(job) && drops(job) && !takes_dropout(job.options.cudnn_algorithm);
        },
        "cudnn_algorithm: this one does not take dropout"},
       {is_beyond_cudnn,
        "a tensor would have more than 2^31 - 1 elements in a step, or a gate in its weights"},
       {[](const Job& job) { return job.device.cuda.ordinal < 0; },
        "needs the device to plan for it: only there does cuDNN say how much memory it takes"}},
  });
}

}  // namespace recur::host::cudnn
