// Gradients in other libraries' layouts. What a gradient is decides, not how the conversion is written: the
// derivative by an element of another library's tensors is found by changing that element.
#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>

#include "layer_of_formats.hpp"
#include "recur/context.hpp"
#include "recur/plan.hpp"
#include "recur/run.hpp"

namespace recur::test {
namespace {

template <class T>
double dot(const std::vector<Aligned<T>>& a, const std::vector<Aligned<T>>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    for (std::size_t k = 0; k < a[i].size(); ++k)
      sum += static_cast<double>(a[i][k]) * static_cast<double>(b[i][k]);
  }
  return sum;
}
double dot(const Canonical<double>& a, const Canonical<double>& b) {
  double sum = 0;
  for (const auto& [name, tensor] : a.tensors) {
    for (std::size_t k = 0; k < tensor.size(); ++k) sum += tensor[k] * b.tensors.at(name)[k];
  }
  return sum;
}

Spec f64(Spec spec) {
  spec.dtype = DataType::f64;
  return spec;
}

void zero(Aligned<double>& tensor) {
  for (std::size_t i = 0; i < tensor.size(); ++i) tensor[i] = 0;
}

// Importing is linear, so a step of 1 in one element of the library's weights changes a linear loss by that
// element's derivative, exactly.
TEST(GradientFormats, ExportedOnesAreDerivativesByTheLibrarysElements) {
  const int count = for_all([](WeightFormat format, const Spec& of, std::int64_t layer) {
    const Spec spec = f64(of);
    Canonical<double> gradients(spec, layer), step(spec, layer);
    int next = 0;
    for (auto& [name, tensor] : gradients.tensors) number(tensor, next);
    Foreign<double> exported(format, spec, layer), weights(format, spec, layer);
    export_gradients(format, spec, layer, gradients.views<ConstTensorView>(spec, layer),
                     exported.views<TensorView>());
    for (auto& tensor : weights.tensors) zero(tensor);
    for (std::size_t i = 0; i < weights.tensors.size(); ++i) {
      for (std::size_t k = 0; k < weights.tensors[i].size(); ++k) {
        weights.tensors[i][k] = 1;
        import_weights(format, spec, layer, weights.views<ConstTensorView>(),
                       step.views<TensorView>(spec, layer));
        ASSERT_EQ(exported.tensors[i][k], dot(gradients, step)) << weights.names[i].name << " " << k;
        weights.tensors[i][k] = 0;
      }
    }
  });
  EXPECT_GE(count, 100);
}

// The other way, exporting is linear too; a sum of two biases has the same derivative by either.
TEST(GradientFormats, ImportedOnesAreDerivativesByTheCanonicalElements) {
  const int count = for_all([](WeightFormat format, const Spec& of, std::int64_t layer) {
    const Spec spec = f64(of);
    Foreign<double> gradients(format, spec, layer), step(format, spec, layer);
    int next = 0;
    for (auto& tensor : gradients.tensors) number(tensor, next);
    Canonical<double> imported(spec, layer), weights(spec, layer);
    import_gradients(format, spec, layer, gradients.views<ConstTensorView>(),
                     imported.views<TensorView>(spec, layer));
    for (auto& [name, tensor] : weights.tensors) zero(tensor);
    for (auto& [name, tensor] : weights.tensors) {
      for (std::size_t k = 0; k < tensor.size(); ++k) {
        tensor[k] = 1;
        export_weights(format, spec, layer, weights.views<ConstTensorView>(spec, layer),
                       step.views<TensorView>());
        ASSERT_EQ(imported.tensors.at(name)[k], dot(gradients.tensors, step.tensors)) << name << " " << k;
        tensor[k] = 0;
      }
    }
  });
  EXPECT_GE(count, 100);
}

// A layer that runs with weights in a library's convention, and the sum over y times fixed numbers.
class Layer {
 public:
  explicit Layer(WeightFormat format, const Spec& spec)
      : format_(format),
        spec_(spec),
        plan_(make_plan(spec, {kT, kB}, Device::cpu(), {.pass = Pass::training})),
        weights_(spec, 0),
        x_(kT * kB * kI),
        y_(static_cast<std::size_t>(kT * kB * width())),
        dy_(y_.size()),
        reserve_(plan_.sizes().reserve),
        workspace_(std::max(plan_.sizes().workspace, plan_.sizes().workspace_backward)) {
    for (std::size_t i = 0; i < x_.size(); ++i) x_[i] = std::sin(1.7 * static_cast<double>(i + 1));
    for (std::size_t i = 0; i < dy_.size(); ++i) dy_[i] = std::cos(2.3 * static_cast<double>(i + 1));
  }

  double loss(Foreign<double>& weights) {
    import_weights(format_, spec_, 0, weights.views<ConstTensorView>(), weights_.views<TensorView>(spec_, 0));
    const LayerWeights layer = weights_.views<ConstTensorView>(spec_, 0);
    ForwardArgs args;
    args.x = {x_.data(), {kT, kB, kI}};
    args.y = {y_.data(), {kT, kB, width()}};
    forward(plan_, context_, Stream(), std::span(&layer, 1), args, workspace_.bytes(), reserve_.bytes());
    double sum = 0;
    for (std::size_t i = 0; i < y_.size(); ++i) sum += y_[i] * dy_[i];
    return sum;
  }

  // After `loss`.
  void gradients(Foreign<double>& to) {
    const LayerWeights layer = weights_.views<ConstTensorView>(spec_, 0);
    Canonical<double> canonical(spec_, 0);
    const LayerGradients gradients = canonical.views<TensorView>(spec_, 0);
    BackwardArgs args;
    args.x = {x_.data(), {kT, kB, kI}};
    args.y = {y_.data(), {kT, kB, width()}};
    args.dy = {dy_.data(), {kT, kB, width()}};
    args.dweights = std::span(&gradients, 1);
    backward(plan_, context_, Stream(), std::span(&layer, 1), args, reserve_.bytes(), workspace_.bytes());
    export_gradients(format_, spec_, 0, canonical.views<ConstTensorView>(spec_, 0), to.views<TensorView>());
  }

 private:
  static constexpr std::int64_t kT = 3, kB = 2;
  std::int64_t width() const { return directions_of(spec_) * output_size_of(spec_); }

  WeightFormat format_;
  Spec spec_;
  Plan plan_;
  Context context_{Device::cpu()};
  Canonical<double> weights_;
  Aligned<double> x_, y_, dy_;
  Aligned<std::byte> reserve_, workspace_;
};

// A whole layer: what `backward` gives and `export_gradients` moves is the slope of the loss by each element.
TEST(GradientFormats, SlopesOfALayerByTheLibrarysElements) {
  const int count = for_all([](WeightFormat format, const Spec& of, std::int64_t layer) {
    Spec spec = f64(of);
    if (layer != 0 || spec.activation == RnnActivation::relu) return;
    spec.layers = 1;
    Foreign<double> weights(format, spec, 0), gradients(format, spec, 0);
    double next = 0;
    for (auto& tensor : weights.tensors) {
      for (std::size_t k = 0; k < tensor.size(); ++k) tensor[k] = 0.6 * std::sin(next += 1.3);
    }
    Layer run(format, spec);
    run.loss(weights);
    run.gradients(gradients);
    double largest = 0;
    for (std::size_t i = 0; i < weights.tensors.size(); ++i) {
      for (std::size_t k = 0; k < weights.tensors[i].size(); ++k) {
        constexpr double kStep = 1e-5;
        double& element = weights.tensors[i][k];
        const double kept = element;
        element = kept + kStep;
        const double above = run.loss(weights);
        element = kept - kStep;
        const double below = run.loss(weights);
        element = kept;
        // Of order step^2 and of rounding over the step.
        ASSERT_NEAR(gradients.tensors[i][k], (above - below) / (2 * kStep), 1e-8)
            << weights.names[i].name << " " << k;
        largest = std::max(largest, std::abs(gradients.tensors[i][k]));
      }
    }
    EXPECT_GT(largest, 1e-2);
  });
  EXPECT_GE(count, 100);
}

// Where two biases of gradient 1 are added as weights are, their sum would have 2. 16-bit types are taken,
// since nothing is added.
template <class T>
void one_bias_has_the_gradient_of_either() {
  Spec spec;
  spec.input_size = spec.hidden_size = 1;
  spec.dtype = storage_type<T>;
  Canonical<T> gradients(spec, 0);
  for (auto& [name, tensor] : gradients.tensors) {
    for (std::size_t i = 0; i < tensor.size(); ++i) tensor[i] = T(1);
  }
  for (WeightFormat format : {WeightFormat::keras, WeightFormat::onednn}) {
    Foreign<T> to(format, spec, 0);
    export_gradients(format, spec, 0, gradients.template views<ConstTensorView>(spec, 0),
                     to.template views<TensorView>());
    for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(static_cast<float>(to.at("bias")[i]), 1.0f);
  }
}
TEST(GradientFormats, OneBiasHasTheGradientOfEither) {
  one_bias_has_the_gradient_of_either<float>();
  one_bias_has_the_gradient_of_either<Bf16>();
}

}  // namespace
}  // namespace recur::test
