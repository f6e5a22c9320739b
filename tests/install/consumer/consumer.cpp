// Plans an LSTM with nothing but the installed headers and libraries, and shows that the library's exceptions
// are caught across its boundary.
#include <cstdio>

#include "recur/recur.hpp"
#include "recur/tasks/crf.hpp"

int main() {
  std::printf("recur %d.%d.%d\n", RECUR_VERSION_MAJOR, RECUR_VERSION_MINOR, RECUR_VERSION_PATCH);

  recur::Spec spec;
  spec.cell = recur::Cell::lstm;
  spec.input_size = 64;
  spec.hidden_size = 128;
  const recur::Plan plan = recur::make_plan(spec, {.steps = 32, .batch = 4}, recur::Device::cpu());
  std::printf("%s\n", plan.explain().c_str());

  std::printf("CRF workspace: %zu bytes\n", recur::tasks::crf_decode_workspace(32, 57));

  spec.hidden_size = 0;
  try {
    recur::make_plan(spec, {}, recur::Device::cpu());
  } catch (const recur::InvalidArgument& error) {
    std::printf("refused, as it should: %s\n", error.what());
    return 0;
  }
  std::fprintf(stderr, "a hidden size of 0 was accepted\n");
  return 1;
}
