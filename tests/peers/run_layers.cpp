// run_layers FOLDER...: runs layers, each from FOLDER/layer.safetensors: a PyTorch module's state_dict, x,
// h0, c0, lengths and the gradients of its outputs, time-major, f32, and what the module is as metadata.
// Outputs and gradients go to FOLDER/ours.safetensors, and those of the naive run (docs/design.md, section
// 10) to FOLDER/naive.safetensors. Prints a line for each folder: how near a relu came to its kink.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <span>
#include <stdexcept>
#include <string>

#include "engines/engine_run.hpp"
#include "oracle/backward.hpp"
#include "oracle/oracle.hpp"
#include "peers/run_folders.hpp"
#include "recur/safetensors.hpp"

namespace recur::test {
namespace {

// The tensor's elements; none where there is no such tensor.
template <class T>
std::vector<T> read(const Safetensors& file, const std::string& name) {
  const SafetensorsTensor* const tensor = file.find(name);
  if (tensor == nullptr) return {};
  if (tensor->dtype != safetensors_dtype(data_type_of<T>)) throw std::invalid_argument(name + ": dtype");
  std::vector<T> values(tensor->data.size() / sizeof(T));
  std::memcpy(values.data(), tensor->data.data(), tensor->data.size());
  return values;
}

std::int64_t number(const Safetensors& file, const std::string& name) {
  return std::stoll(file.metadata.at(name));
}

Spec read_spec(const Safetensors& file) {
  Spec spec;
  const std::string& cell = file.metadata.at("cell");
  spec.cell = cell == "lstm"      ? Cell::lstm
              : cell == "gru"     ? Cell::gru
              : cell == "min-gru" ? Cell::min_gru
                                  : Cell::rnn;
  if (cell == "rnn-relu") spec.activation = RnnActivation::relu;
  spec.input_size = number(file, "I");
  spec.hidden_size = number(file, "H");
  spec.projection_size = number(file, "P");
  spec.layers = number(file, "L");
  spec.direction = number(file, "D") == 2 ? Direction::bidirectional : Direction::forward;
  spec.bias = number(file, "bias") == 1 ? Bias::both : Bias::none;
  spec.variable_lengths = file.find("lengths") != nullptr;
  return spec;
}

// f(name, part) for the tensors of each direction of a layer without R, of which no convention is known: they
// are called as PyTorch calls those of the input.
template <class Layers, class F>
void each_of_input(const Spec& spec, Layers& layers, F&& f) {
  for (std::size_t l = 0; l < layers.size(); ++l) {
    for (Index d = 0; d < directions_of(spec); ++d) {
      const std::string name = "_ih_l" + std::to_string(l) + (d == 1 ? "_reverse" : "");
      const auto part = [&](auto& tensor) {
        const std::size_t count = tensor.size() / static_cast<std::size_t>(directions_of(spec));
        return std::span(tensor.data() + static_cast<std::size_t>(d) * count, count);
      };
      f("weight" + name, part(layers[l].W));
      if (layers[l].bW.size() != 0) f("bias" + name, part(layers[l].bW));
    }
  }
}

oracle::Problem<float> read_problem(const Safetensors& file) {
  oracle::Problem<float> problem;
  problem.spec = read_spec(file);
  problem.T = number(file, "T");
  problem.B = number(file, "B");
  problem.x = read<float>(file, "x");
  problem.h0 = read<float>(file, "h0");
  problem.c0 = read<float>(file, "c0");
  problem.lengths = read<std::int32_t>(file, "lengths");
  const Spec& spec = problem.spec;
  if (!has_recurrent_weights(spec)) {
    for (Index l = 0; l < spec.layers; ++l) problem.layers.push_back(oracle::zero_parameters<float>(spec, l));
    each_of_input(spec, problem.layers, [&](const std::string& name, std::span<float> to) {
      const std::vector<float> values = read<float>(file, name);
      if (values.size() != to.size()) throw std::invalid_argument(name + ": elements");
      std::ranges::copy(values, to.begin());
    });
    return problem;
  }
  std::vector<LayerTensors<float>> layers;
  std::vector<BasicLayerWeights<TensorView>> views;
  for (Index l = 0; l < spec.layers; ++l) {
    layers.emplace_back(oracle::zero_parameters<float>(spec, l));
    views.push_back(layers.back().views<TensorView>(spec, l));
  }
  // The layer's inputs lie beside its weights.
  import_state_dict(spec, file, "", views, {.strict = false});
  for (const LayerTensors<float>& layer : layers) problem.layers.push_back(layer.dense());
  return problem;
}

// Tensors but those of weights are flat.
void write(const std::filesystem::path& path, const Spec& spec, const oracle::Outputs<float>& outputs,
           const oracle::Gradients<float>& gradients) {
  std::vector<SafetensorsTensor> tensors;
  std::vector<std::byte> state_dict;
  if (has_recurrent_weights(spec)) {
    std::vector<LayerTensors<float>> layers;
    std::vector<LayerWeights> views;
    for (Index l = 0; l < spec.layers; ++l) {
      layers.emplace_back(gradients.layers[static_cast<std::size_t>(l)]);
      views.push_back(layers.back().views<ConstTensorView>(spec, l));
    }
    state_dict = export_state_dict(spec, views, "d");
    tensors = parse_safetensors(state_dict).tensors;
  } else {
    each_of_input(spec, gradients.layers, [&](const std::string& name, std::span<const float> values) {
      tensors.push_back({"d" + name, "F32", {static_cast<Index>(values.size())}, std::as_bytes(values)});
    });
  }
  const auto add = [&](const char* name, const std::vector<float>& values) {
    tensors.push_back({name, "F32", {static_cast<Index>(values.size())}, std::as_bytes(std::span(values))});
  };
  add("y", outputs.y);
  add("hN", outputs.hN);
  add("cN", outputs.cN);
  add("dx", gradients.dx);
  add("dh0", gradients.dh0);
  add("dc0", gradients.dc0);
  write_safetensors_file(path, write_safetensors(tensors));
}

void run_folder(const std::filesystem::path& folder) {
  const std::vector<std::byte> bytes = read_safetensors_file(folder / "layer.safetensors");
  const Safetensors file = parse_safetensors(bytes);
  const oracle::Problem<float> problem = read_problem(file);
  const oracle::OutputGradients<float> upstream = {
      read<float>(file, "dy"), read<float>(file, "dhN"), read<float>(file, "dcN"), {}};

  EngineRun<float> engine(
      problem, Pass::training,
      {.threads = static_cast<int>(number(file, "threads")),
       .batch_invariant = number(file, "batch_invariant") == 1,
       .layout = number(file, "batch_first") == 1 ? Layout::batch_major : Layout::time_major});
  const oracle::Outputs<float> outputs = engine.forward();
  write(folder / "ours.safetensors", problem.spec, outputs, engine.backward(upstream));

  const oracle::Result<float> naive = oracle::forward(problem);
  write(folder / "naive.safetensors", problem.spec, naive, oracle::backward(problem, naive, upstream));
  // In double an argument is exactly 0 only where a step was not run.
  const auto exact = oracle::forward(oracle::convert<double>(problem));
  std::printf("%g\n", oracle::distance_from_kinks(problem.spec, exact));
}

}  // namespace
}  // namespace recur::test

int main(int argc, char** argv) { return recur::test::run_folders(argc, argv, recur::test::run_folder); }
