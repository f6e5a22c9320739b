// What stepwise refuses.
#include "host/refusals.hpp"

namespace recur::host::stepwise {

Refusals refusals() {
  using enum FieldId;
  return joined({
      {only_on(DeviceKind::cuda),
       {[](const Job& job) { return capability_of(job) < 75; }, "needs compute capability 7.5 or newer"},
       {[](const Job& job) { return job.spec.dtype == DataType::bf16 && capability_of(job) < 80; },
        "dtype bf16 needs compute capability 8.0 or newer"}},
      fields_but({residual, gru_reset, peepholes, coupled_input_forget, variable_lengths, reset_mask,
                  cell_sequence, projection_size, dropout}),
      {sizes_beyond_products()},
  });
}

}  // namespace recur::host::stepwise
