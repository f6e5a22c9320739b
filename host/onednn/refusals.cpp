// What the reference onednn refuses, in a build with it or without.
#include "host/refusals.hpp"
#include "host/onednn/availability.hpp"
#include "recur/device.hpp"

namespace recur::host::onednn {
namespace {

// The instruction set that the machine's own device names.
bool is_of_this_machine(const Job& job) { return job.device.cpu.simd == Device::cpu().props().cpu.simd; }

}  // namespace

Refusals refusals() {
  using enum FieldId;
  return joined({
      {only_on(DeviceKind::cpu),
       {[](const Job& job) { return !is_of_this_machine(job); },
        "chooses its instruction set itself, for the machine it runs on; the device names another"},
       not_of_type(DataType::f64, "f32 and bf16"),
       not_of_type(DataType::f16, "f32 and bf16")},
      not_without_R("which oneDNN's cells all have"),
      fields_but({gru_reset, peepholes, projection_size, dropout}),
      {{[](const Job& job) { return is_projected(job.spec) && job.spec.dtype == DataType::bf16; },
        "projection_size with dtype bf16 is not implemented; oneDNN 3.2 fails to train it and loses c where "
        "P is H"},
       {drops, "dropout in training is not implemented; oneDNN has no dropout between layers"},
       sizes_beyond_products(),
       // Last, since asking loads the library and plans the layers.
       {[](const Job&) { return !is_loaded(); },
        "the shared library libdnnl.so.3 (oneDNN 3, with OpenMP or without threads) was not found",
        Ground::machine},
       {[](const Job& job) { return !has_implementation(job); },
        "oneDNN has no implementation of this on this machine", Ground::machine}},
  });
}

}  // namespace recur::host::onednn
