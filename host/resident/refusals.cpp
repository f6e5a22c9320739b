// What cluster-resident refuses.
#include "host/refusals.hpp"
#include "host/resident/choice.hpp"

namespace recur::host::resident {
namespace {

bool is_beyond_the_chip(const Job& job) {
  return !choose(cells::traits_of(variant_of(job.spec)), job.spec.hidden_size, job.shape.batch,
                 directions_of(job.spec), job.device.cuda);
}

}  // namespace

Refusals refusals() {
  using enum FieldId;
  return joined({
      {only_on(DeviceKind::cuda),
       {[](const Job& job) { return capability_of(job) < 90; }, "needs compute capability 9.0 or newer"},
       not_of_type(DataType::f32, "bf16 and f16"),
       not_of_type(DataType::f64, "bf16 and f16")},
      not_without_R("and nothing else is kept on chip"),
      fields_but({residual, gru_reset, peepholes, coupled_input_forget, variable_lengths, reset_mask,
                  cell_sequence, dropout}),
      {sizes_beyond_products(),
       {[](const Job& job) { return job.shape.steps > 0x7fffffff; }, "more than 2^31 - 1 steps"},
       {is_beyond_the_chip,
        "R does not fit in the registers and shared memory of the largest cluster, of 16 blocks at most"}},
  });
}

}  // namespace recur::host::resident
