// What fused refuses.
#include "host/refusals.hpp"
#include "kernels/fused/tile.hpp"

namespace recur::host::fused {

Refusals refusals() {
  using enum FieldId;
  return joined({
      {only_on(DeviceKind::cuda),
       {[](const Job& job) { return capability_of(job) < 75; }, "needs compute capability 7.5 or newer"},
       {[](const Job& job) { return job.spec.dtype == DataType::bf16 && capability_of(job) < 80; },
        "dtype bf16 needs compute capability 8.0 or newer"},
       not_of_type(DataType::f64, "f32, bf16 and f16")},
      not_without_R("and a step has no product to fuse with its gates"),
      {{[](const Job& job) { return job.spec.projection_size > 0; },
        "a projection_size asks for a second product in each step, and a launch that waits for it"}},
      fields_but({residual, gru_reset, peepholes, coupled_input_forget, variable_lengths, reset_mask,
                  cell_sequence, projection_size, dropout}),
      {{[](const Job& job) { return job.shape.batch > recur::fused::kMostRows; },
        "more than 64 rows, of which a product of its own makes more"},
       sizes_beyond_products()},
  });
}

}  // namespace recur::host::fused
