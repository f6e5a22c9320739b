// What the cpu refuses.
#include <limits>

#include "host/cpu/simd/kernels.hpp"
#include "host/refusals.hpp"

namespace recur::host::cpu {

Refusals refusals() {
  using enum FieldId;
  return joined({
      {only_on(DeviceKind::cpu),
       {[](const Job& job) { return find_target(job.device.cpu.simd) == nullptr; },
        "the library was built without kernels for the instruction set that the device names"},
       not_of_type(DataType::f16, "f32, f64 and bf16")},
      fields_but({residual, gru_reset, peepholes, coupled_input_forget, variable_lengths, reset_mask,
                  cell_sequence, projection_size, dropout, clip, activations, reverse_activations, forest,
                  batch_invariant}),
      // Lists of rows have 32 bits.
      {{[](const Job& job) { return job.shape.batch > std::numeric_limits<std::int32_t>::max(); },
        "more than 2^31 - 1 sequences"}},
  });
}

}  // namespace recur::host::cpu
