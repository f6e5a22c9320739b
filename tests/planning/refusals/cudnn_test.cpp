// What the cudnn engine refuses and why, as far as no device has to be asked.
#include "planning/refusals/jobs.hpp"

namespace recur::test {
namespace {

// What cuDNN lacks, whatever the device says: by name and with the reason. Reasons of the table come before
// the device's.
TEST(Refusals, EveryRowOfCudnnIsReached) {
  std::set<const Refusal*> hit;
  const auto expect = [&](Job job, const std::string& reason) {
    job.options.engine = EngineId::cudnn;
    const std::string message = unsupported(job);
    EXPECT_NE(message.find("cudnn: " + reason), std::string::npos) << message;
    for (const Refusal& row : host::refusals()) {
      if (row.engine == EngineId::cudnn && message.ends_with("cudnn: " + std::string(row.reason)))
        hit.insert(&row);
    }
  };
  const auto on_gpu = [](auto&& set) {
    Job job = with_device(absent_gpu());
    set(job);
    return job;
  };
  expect(small_job(), "runs on CUDA devices only");
  expect(on_gpu([](Job&) {}), "needs the device to plan for it");
  expect(on_gpu([](Job& job) { job.options.batch_invariant = true; }), "batch_invariant");
  expect(on_gpu([](Job& job) {
           job.spec.cell = Cell::gru;
           job.spec.gru_reset = GruReset::before;
         }),
         "cuDNN's gru resets after the product only");
  expect(on_gpu([](Job& job) {
           job.spec.cell = Cell::rnn;
           job.spec.residual = true;
         }),
         "cuDNN has no residual rnn");
  expect(on_gpu([](Job& job) { job.spec.cell = Cell::min_gru; }),
         "min-gru has no R, which cuDNN's cells all have");
  expect(on_gpu([](Job& job) { job.spec.peepholes = true; }), "cuDNN has no peepholes");
  expect(on_gpu([](Job& job) { job.spec.coupled_input_forget = true; }), "cuDNN has no coupled");
  expect(on_gpu([](Job& job) { job.spec.direction = Direction::reverse; }), "cuDNN reads in reverse only");
  expect(on_gpu([](Job& job) { job.spec.reset_mask = true; }), "cuDNN has no reset mask");
  expect(on_gpu([](Job& job) { job.spec.cell_sequence = true; }), "cuDNN gives the last cell state only");
  for (const Later& later : kLater) {
    const std::string name = later.name;
    expect(on_gpu(later.set), name == "f16" ? "needs the device to plan for it" : name);
  }
  expect(on_gpu([](Job& job) { job.spec.projection_size = 2; }), "needs the device to plan for it");
  expect(on_gpu([](Job& job) { job.spec.projection_size = job.spec.hidden_size; }),
         "cuDNN takes a projection_size of H for none");
  const auto persistent = [](Job& job) {
    job.options.cudnn_algorithm = CudnnAlgorithm::persist_static_small_h;
  };
  expect(on_gpu([&](Job& job) {
           persistent(job);
           job.spec.dtype = DataType::f64;
         }),
         "cudnn_algorithm: this one does not take the dtype");
  expect(on_gpu([&](Job& job) {
           persistent(job);
           job.spec.variable_lengths = true;
         }),
         "cudnn_algorithm: this one does not take variable_lengths");
  expect(on_gpu([&](Job& job) {
           persistent(job);
           job.spec.projection_size = 2;
         }),
         "cudnn_algorithm: this one does not take projection_size");
  expect(on_gpu([&](Job& job) {
           job.options.cudnn_algorithm = CudnnAlgorithm::persist_dynamic;
           set_dropout(job);
         }),
         "cudnn_algorithm: this one does not take dropout");
  expect(on_gpu(set_dropout), "needs the device to plan for it");
  // Where nothing is dropped each takes it.
  expect(on_gpu([&](Job& job) {
           set_dropout(job);
           job.options.cudnn_algorithm = CudnnAlgorithm::persist_dynamic;
           job.options.pass = Pass::inference;
         }),
         "needs the device to plan for it");
  // The fastest is one that does.
  for (auto set : {+[](Job& job) { job.spec.dtype = DataType::f64; },
                   +[](Job& job) { job.spec.variable_lengths = true; },
                   +[](Job& job) { job.spec.projection_size = 2; }, +[](Job& job) { set_dropout(job); }}) {
    expect(on_gpu([&](Job& job) {
             job.options.cudnn_algorithm = CudnnAlgorithm::fastest;
             set(job);
           }),
           "needs the device to plan for it");
  }
  expect(on_gpu([](Job& job) { job.shape.batch = 0x7fffffff / 2; }),
         "a tensor would have more than 2^31 - 1");
  // R of a gate has H^2 elements, and 46341 is the first whose square is above.
  expect(on_gpu([](Job& job) { job.spec.hidden_size = 46341; }), "a tensor would have more than 2^31 - 1");
  expect(on_gpu([](Job& job) { job.spec.hidden_size = 46340; }), "needs the device to plan for it");

  expect_reached(EngineId::cudnn, hit);
}

}  // namespace
}  // namespace recur::test
