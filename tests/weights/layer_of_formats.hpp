// Layers and conventions that tests of conversions go through, and the tensors of both.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

#include "recur/error.hpp"
#include "recur/weight_formats.hpp"
#include "support/aligned.hpp"
#include "support/spec_name.hpp"
#include "support/storage.hpp"

namespace recur::test {

inline constexpr std::int64_t kI = 3, kH = 2, kP = 1, kLayers = 2;

// Canonical tensors of a layer in memory of its own.
template <class T>
struct Canonical {
  std::map<std::string, Aligned<T>> tensors;

  Canonical(const Spec& spec, std::int64_t layer) {
    const std::int64_t D = directions_of(spec), rows = gates_of(spec) * spec.hidden_size;
    const auto make = [&](const char* name, std::int64_t count) {
      tensors.emplace(name, Aligned<T>(static_cast<std::size_t>(count)));
    };
    make("W", D * rows * layer_input_size(spec, layer));
    make("R", D * rows * output_size_of(spec));
    make("bW", spec.bias == Bias::none ? 0 : D * rows);
    make("bR", spec.bias == Bias::both ? D * rows : 0);
    make("peephole", D * peepholes_of(spec) * spec.hidden_size);
    make("projection", D * spec.projection_size * spec.hidden_size);
  }
  template <class View>
  BasicLayerWeights<View> views(const Spec& spec, std::int64_t layer) {
    const std::int64_t D = directions_of(spec), rows = gates_of(spec) * spec.hidden_size;
    const auto view = [&](const char* name, std::initializer_list<std::int64_t> shape) {
      Aligned<T>& tensor = tensors.at(name);
      return tensor.size() == 0 ? View() : View(tensor.data(), storage_type<T>, shape);
    };
    return {view("W", {D, rows, layer_input_size(spec, layer)}),
            view("R", {D, rows, output_size_of(spec)}),
            view("bW", {D, rows}),
            view("bR", {D, rows}),
            view("peephole", {D, peepholes_of(spec) * spec.hidden_size}),
            view("projection", {D, spec.projection_size, spec.hidden_size})};
  }
};

// A convention's tensors of a layer.
template <class T>
struct Foreign {
  std::vector<FormatTensor> names;
  std::vector<Aligned<T>> tensors;

  Foreign(WeightFormat format, const Spec& spec, std::int64_t layer)
      : names(format_tensors(format, spec, layer)) {
    for (const FormatTensor& tensor : names) {
      const std::int64_t count =
          std::accumulate(tensor.shape.begin(), tensor.shape.end(), std::int64_t{1}, std::multiplies<>());
      tensors.emplace_back(static_cast<std::size_t>(count));
    }
  }
  template <class View>
  std::vector<View> views() {
    std::vector<View> result;
    for (std::size_t i = 0; i < names.size(); ++i) {
      const std::vector<std::int64_t>& s = names[i].shape;
      const DataType type = storage_type<T>;
      T* const data = tensors[i].data();
      switch (s.size()) {
        case 1: result.emplace_back(data, type, std::initializer_list<std::int64_t>{s[0]}); break;
        case 2: result.emplace_back(data, type, std::initializer_list<std::int64_t>{s[0], s[1]}); break;
        case 3: result.emplace_back(data, type, std::initializer_list<std::int64_t>{s[0], s[1], s[2]}); break;
        default: result.emplace_back(data, type, std::initializer_list<std::int64_t>{s[0], s[1], s[2], s[3]});
      }
    }
    return result;
  }
  Aligned<T>& at(const std::string& name) {
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (names[i].name == name) return tensors[i];
    }
    throw std::out_of_range(name);
  }
};

template <class T>
bool same_bytes(Aligned<T>& a, Aligned<T>& b) {
  return std::ranges::equal(a.bytes(), b.bytes());
}

// No two elements are alike, none is zero, and all have an exact sum with any other.
template <class Tensors>
void number(Tensors& tensors, int& next) {
  for (std::size_t i = 0; i < tensors.size(); ++i) tensors[i] = std::decay_t<decltype(tensors[i])>(++next);
}

inline std::vector<Spec> specs() {
  std::vector<Spec> result;
  for (Spec spec : all_cells_and_projections()) {
    for (Direction direction : {Direction::forward, Direction::bidirectional}) {
      for (Bias bias : {Bias::none, Bias::single, Bias::both}) {
        spec.input_size = kI;
        spec.hidden_size = kH;
        if (is_projected(spec)) spec.projection_size = kP;
        spec.layers = kLayers;
        spec.direction = direction;
        spec.bias = bias;
        result.push_back(spec);
      }
    }
  }
  return result;
}

inline constexpr WeightFormat kFormats[] = {
    WeightFormat::pytorch, WeightFormat::onnx,    WeightFormat::keras,        WeightFormat::cudnn,
    WeightFormat::onednn,  WeightFormat::paddle,  WeightFormat::paddle_fluid, WeightFormat::keras_cudnn,
    WeightFormat::haiku,   WeightFormat::lasagne, WeightFormat::madmom};

// f(format, spec, layer) for all that the conventions can express.
template <class F>
int for_all(F&& f) {
  int count = 0;
  for (WeightFormat format : kFormats) {
    for (const Spec& spec : specs()) {
      for (std::int64_t layer = 0; layer < kLayers; ++layer) {
        SCOPED_TRACE(std::string(name_of(format)) + " " + spec_name(spec) + " layer " +
                     std::to_string(layer));
        try {
          static_cast<void>(format_tensors(format, spec, layer));
        } catch (const Unsupported&) {
          continue;
        }
        f(format, spec, layer);
        ++count;
      }
    }
  }
  return count;
}

}  // namespace recur::test
