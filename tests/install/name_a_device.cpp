// Names a CUDA device, says what comes of it, and plans for one that is only described, which needs no
// library of CUDA.
#include <cstdio>

#include "recur/recur.hpp"

int main() {
  try {
    std::printf("named: %s\n", recur::Device::cuda(0).props().name.c_str());
  } catch (const recur::Unsupported& error) {
    std::printf("%s\n", error.what());
  }

  recur::DeviceProps props;
  props.kind = recur::DeviceKind::cuda;
  props.name = "described GPU";
  props.cuda.compute_major = 8;
  props.cuda.multiprocessors = 108;
  props.cuda.shared_per_multiprocessor = 164u << 10;
  props.cuda.shared_per_block_optin = 163u << 10;
  props.cuda.registers_per_multiprocessor = 65536;
  props.cuda.l2_bytes = 40u << 20;
  props.cuda.global_bytes = std::size_t{40} << 30;
  const recur::Spec spec{.cell = recur::Cell::gru, .input_size = 32, .hidden_size = 64};
  const recur::Plan plan = recur::make_plan(spec, {.steps = 8, .batch = 2}, recur::Device::from_props(props));
  std::printf("planned: %s, %zu bytes of workspace\n", std::string(name_of(plan.engine())).c_str(),
              plan.sizes().workspace);
  // A context on a device that is named in words alone is refused in the same words.
  props.cuda.ordinal = 0;
  try {
    recur::Context context(recur::Device::from_props(props));
    std::printf("context: made\n");
  } catch (const recur::Error& error) {
    std::printf("context: %s\n", error.what());
  }
  return 0;
}
