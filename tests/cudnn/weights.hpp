/// @file
/// The stand-in's weight space. cuDNN's own layout is not documented, so this one is unlike ours on purpose:
/// recurrent matrices first, biases last, and with a persistent algorithm gates from the last to the first
/// with gaps between them.
#pragma once

#include <stdexcept>

#include "cudnn/objects.hpp"

namespace recur::test::cudnn {

struct Place {
  std::size_t offset = 0;  ///< in elements
  int rows = 0;            ///< 0: no such matrix or bias
  int columns = 0;
};

class WeightPlaces {
 public:
  explicit WeightPlaces(const cudnnRNNStruct& layer) : layer_(layer) {
    const int ids = 2 * layer.gates() + (layer.is_projected() ? 1 : 0);
    const int pseudo_layers = layer.layers * layer.directions();
    matrices_.resize(static_cast<std::size_t>(pseudo_layers));
    biases_.resize(static_cast<std::size_t>(pseudo_layers));
    const bool persistent = layer.algorithm != CUDNN_RNN_ALGO_STANDARD;
    for (auto* places : {&matrices_, &biases_}) {
      for (int pseudo_layer = 0; pseudo_layer < pseudo_layers; ++pseudo_layer) {
        auto& of_layer = (*places)[static_cast<std::size_t>(pseudo_layer)];
        of_layer.resize(static_cast<std::size_t>(ids));
        for (int k = 0; k < ids; ++k) {
          // From the recurrent ones to those of the input; the projection, the last id, stays last.
          const bool projection = k == 2 * layer.gates();
          const int shifted = projection ? k : (k + layer.gates()) % (2 * layer.gates());
          const int id = persistent && !projection ? 2 * layer.gates() - 1 - k : shifted;
          Place& place = of_layer[static_cast<std::size_t>(id)];
          place = places == &matrices_ ? matrix_of(pseudo_layer, id) : bias_of(id);
          if (place.rows == 0) continue;
          place.offset = elements_;
          elements_ += static_cast<std::size_t>(place.rows) * static_cast<std::size_t>(place.columns) +
                       (persistent ? 5 : 0);
        }
      }
    }
  }

  std::size_t elements() const { return elements_; }
  const Place& matrix(int pseudo_layer, int id) const {
    return matrices_.at(static_cast<std::size_t>(pseudo_layer)).at(static_cast<std::size_t>(id));
  }
  const Place& bias(int pseudo_layer, int id) const {
    return biases_.at(static_cast<std::size_t>(pseudo_layer)).at(static_cast<std::size_t>(id));
  }

 private:
  // Shapes as cudnnGetRNNWeightParams documents them.
  Place matrix_of(int pseudo_layer, int id) const {
    if (id == 2 * layer_.gates()) return {0, layer_.output_size, layer_.hidden_size};
    const int columns =
        id < layer_.gates() ? layer_.columns(pseudo_layer / layer_.directions()) : layer_.output_size;
    return {0, layer_.hidden_size, columns};
  }
  Place bias_of(int id) const {
    if (id == 2 * layer_.gates()) return {};
    const bool of_input = id < layer_.gates();
    const bool has = layer_.bias == CUDNN_RNN_DOUBLE_BIAS ||
                     (layer_.bias == CUDNN_RNN_SINGLE_INP_BIAS && of_input) ||
                     (layer_.bias == CUDNN_RNN_SINGLE_REC_BIAS && !of_input);
    return has ? Place{0, layer_.hidden_size, 1} : Place{};
  }

  const cudnnRNNStruct& layer_;
  std::size_t elements_ = 0;
  std::vector<std::vector<Place>> matrices_;  ///< [pseudo layer][linLayerID]
  std::vector<std::vector<Place>> biases_;
};

}  // namespace recur::test::cudnn
