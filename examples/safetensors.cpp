// Runs a layer of a .safetensors file: safetensors FILE PREFIX INPUTS UNITS, where the file has
// "PREFIXweight_ih_l0" and so on of a torch.nn.LSTM(INPUTS, UNITS). Without arguments it makes such a file
// first.
#include <cstdio>
#include <filesystem>
#include <string>

#include "recur/recur.hpp"

using namespace recur;

namespace {

// As a training would leave it behind: a state_dict.
std::filesystem::path make_file(const Spec& spec, const char* prefix) {
  LayerTensors weights(spec);
  initialise(weights, 1);
  const std::filesystem::path path = std::filesystem::temp_directory_path() / "recur_example.safetensors";
  write_safetensors_file(path, export_state_dict(spec, weights.weights(), prefix));
  return path;
}

}  // namespace

int main(int argc, char** argv) {
  const bool given = argc == 5;
  if (argc != 1 && !given) return std::fputs("usage: safetensors [FILE PREFIX INPUTS UNITS]\n", stderr), 2;
  const char* const prefix = given ? argv[2] : "encoder.lstm.";
  Spec spec{.cell = Cell::lstm, .input_size = 8, .hidden_size = 16};
  if (given) spec.input_size = std::stoll(argv[3]), spec.hidden_size = std::stoll(argv[4]);
  const std::filesystem::path path = given ? std::filesystem::path(argv[1]) : make_file(spec, prefix);

  // The file's bytes stay until the weights are read from them.
  const std::vector<std::byte> bytes = read_safetensors_file(path);
  const Safetensors file = parse_safetensors(bytes);
  for (const SafetensorsTensor& tensor : file.tensors)
    std::printf("%s %s\n", tensor.name.c_str(), tensor.dtype.c_str());
  LayerTensors weights(spec);
  import_state_dict(spec, file, prefix, weights.writable());

  // Weights that do not change are packed once.
  const std::int64_t T = 20, B = 1;
  const Device device = Device::cpu();
  const Plan plan = make_plan(spec, {.steps = T, .batch = B}, device);
  Context context(device);
  Buffer packed(plan.sizes().prepared_weights), workspace(plan.sizes().workspace_prepared);
  const PreparedWeights prepared = prepare_weights(plan, context, Stream(), weights.weights(), packed);

  Tensor x({T, B, spec.input_size}), y({T, B, spec.hidden_size});
  fill_uniform(x.view(), 1, 2);
  ForwardArgs args;
  args.x = x.view();
  args.y = y.view();
  forward(plan, context, Stream(), prepared, args, workspace);
  std::printf("last output of unit 0: %f\n", y.values<float>()[(T - 1) * B * spec.hidden_size]);
  if (!given) std::filesystem::remove(path);
}
