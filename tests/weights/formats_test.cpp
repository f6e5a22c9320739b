// Weights in other libraries' conventions. Where an element lies is written down here a second time, as each
// library documents it (docs/weight_formats.md), gate by gate by its name.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "layer_of_formats.hpp"
#include "recur/error.hpp"

namespace recur::test {
namespace {

// Canonical names of gates, in order.
std::string gates(const Spec& spec) {
  switch (spec.cell) {
    case Cell::rnn: return "h";
    case Cell::gru: return "rzn";
    case Cell::min_gru: return "zn";
    case Cell::lstm: break;
  }
  return spec.coupled_input_forget ? "igo" : "ifgo";
}

// What a library has at unit h of gate `name` in direction d; k counts inputs, or the elements of the state.
template <class T>
struct Documented {
  std::function<T(std::int64_t d, char name, std::int64_t h, std::int64_t k)> W, R;
  std::function<T(std::int64_t d, char name, std::int64_t h)> bW, bR, peephole;
  std::function<T(std::int64_t d, std::int64_t p, std::int64_t h)> projection;
};

template <class T>
Documented<T> documented(WeightFormat format, const Spec& spec, std::int64_t layer, Foreign<T>& from) {
  const std::int64_t H = kH, J = layer_input_size(spec, layer), P = output_size_of(spec);
  const bool lstm = spec.cell == Cell::lstm, rnn = spec.cell == Cell::rnn;
  const auto index = [](const std::string& order, char name) {
    return static_cast<std::int64_t>(order.find(name));
  };
  const std::int64_t D = directions_of(spec);
  Documented<T> at;
  switch (format) {
    case WeightFormat::pytorch:
    case WeightFormat::paddle: {
      const std::string order = rnn ? "h" : lstm ? "ifgo" : "rzn";
      const bool dotted = format == WeightFormat::paddle && is_projected(spec);
      const auto name = [=](const char* stem, std::int64_t d) {
        if (dotted) {
          return std::to_string(layer) + (D == 1 ? ".cell." : d == 0 ? ".cell_fw." : ".cell_bw.") + stem;
        }
        return std::string(stem) + "_l" + std::to_string(layer) + (d == 1 ? "_reverse" : "");
      };
      at.W = [=, &from](auto d, char g, auto h, auto k) {
        return from.at(name("weight_ih", d))[static_cast<std::size_t>((index(order, g) * H + h) * J + k)];
      };
      at.R = [=, &from](auto d, char g, auto h, auto k) {
        return from.at(name("weight_hh", d))[static_cast<std::size_t>((index(order, g) * H + h) * P + k)];
      };
      at.projection = [=, &from](auto d, auto p, auto h) {
        if (dotted) return from.at(name("weight_ho", d))[static_cast<std::size_t>(h * P + p)];
        return from.at(name("weight_hr", d))[static_cast<std::size_t>(p * H + h)];
      };
      at.bW = [=, &from](auto d, char g, auto h) {
        return from.at(name("bias_ih", d))[static_cast<std::size_t>(index(order, g) * H + h)];
      };
      at.bR = [=, &from](auto d, char g, auto h) {
        return from.at(name("bias_hh", d))[static_cast<std::size_t>(index(order, g) * H + h)];
      };
      break;
    }
    case WeightFormat::onnx: {
      const std::string order = rnn ? "h" : lstm ? "iofg" : "zrn";
      const auto G = static_cast<std::int64_t>(order.size());
      at.W = [=, &from](auto d, char g, auto h, auto k) {
        return from.at("W")[static_cast<std::size_t>(((d * G + index(order, g)) * H + h) * J + k)];
      };
      at.R = [=, &from](auto d, char g, auto h, auto k) {
        return from.at("R")[static_cast<std::size_t>(((d * G + index(order, g)) * H + h) * H + k)];
      };
      at.peephole = [=, &from](auto d, char g, auto h) {
        return from.at("P")[static_cast<std::size_t>((d * 3 + index("iof", g)) * H + h)];
      };
      at.bW = [=, &from](auto d, char g, auto h) {
        return from.at("B")[static_cast<std::size_t>((d * 2 * G + index(order, g)) * H + h)];
      };
      at.bR = [=, &from](auto d, char g, auto h) {
        return from.at("B")[static_cast<std::size_t>((d * 2 * G + G + index(order, g)) * H + h)];
      };
      break;
    }
    case WeightFormat::keras: {
      const std::string order = rnn ? "h" : lstm ? "ifgo" : "zrn";
      const auto G = static_cast<std::int64_t>(order.size());
      const auto name = [=](const char* stem, std::int64_t d) {
        return (D == 1 ? "" : d == 0 ? "forward_" : "backward_") + std::string(stem);
      };
      at.W = [=, &from](auto d, char g, auto h, auto k) {
        return from.at(name("kernel", d))[static_cast<std::size_t>((k * G + index(order, g)) * H + h)];
      };
      at.R = [=, &from](auto d, char g, auto h, auto k) {
        return from.at(
            name("recurrent_kernel", d))[static_cast<std::size_t>((k * G + index(order, g)) * H + h)];
      };
      at.bW = [=, &from](auto d, char g, auto h) {
        return from.at(name("bias", d))[static_cast<std::size_t>(index(order, g) * H + h)];
      };
      if (spec.cell == Cell::gru && spec.gru_reset == GruReset::after) {
        at.bR = [=, &from](auto d, char g, auto h) {
          return from.at(name("bias", d))[static_cast<std::size_t>((G + index(order, g)) * H + h)];
        };
      }
      break;
    }
    case WeightFormat::cudnn: {
      const std::string order = rnn ? "h" : lstm ? "ifgo" : "rzn";
      const auto G = static_cast<std::int64_t>(order.size());
      const auto name = [=](const char* stem, std::int64_t d, std::int64_t id) {
        return stem + ("[" + std::to_string(layer * D + d)) + "][" + std::to_string(id) + "]";
      };
      at.W = [=, &from](auto d, char g, auto h, auto k) {
        return from.at(name("matrix", d, index(order, g)))[static_cast<std::size_t>(h * J + k)];
      };
      at.R = [=, &from](auto d, char g, auto h, auto k) {
        return from.at(name("matrix", d, G + index(order, g)))[static_cast<std::size_t>(h * P + k)];
      };
      at.projection = [=, &from](auto d, auto p, auto h) {
        return from.at(name("matrix", d, 8))[static_cast<std::size_t>(p * H + h)];
      };
      at.bW = [=, &from](auto d, char g, auto h) {
        return from.at(name("bias", d, index(order, g)))[static_cast<std::size_t>(h)];
      };
      at.bR = [=, &from](auto d, char g, auto h) {
        return from.at(name("bias", d, G + index(order, g)))[static_cast<std::size_t>(h)];
      };
      break;
    }
    case WeightFormat::onednn: {
      const std::string order = rnn ? "h" : lstm ? "ifgo" : "zrn";
      const auto G = static_cast<std::int64_t>(order.size());
      const bool split = spec.cell == Cell::gru && spec.gru_reset == GruReset::after;
      const std::int64_t biases = split ? G + 1 : G;
      at.W = [=, &from](auto d, char g, auto h, auto k) {
        return from.at(
            "weights_layer")[static_cast<std::size_t>(((d * J + k) * G + index(order, g)) * H + h)];
      };
      at.R = [=, &from](auto d, char g, auto h, auto k) {
        return from.at("weights_iter")[static_cast<std::size_t>(((d * P + k) * G + index(order, g)) * H + h)];
      };
      at.peephole = [=, &from](auto d, char g, auto h) {
        return from.at("weights_peephole")[static_cast<std::size_t>((d * 3 + index("ifo", g)) * H + h)];
      };
      at.projection = [=, &from](auto d, auto p, auto h) {
        return from.at("weights_projection")[static_cast<std::size_t>((d * H + h) * P + p)];
      };
      at.bW = [=, &from](auto d, char g, auto h) {
        return from.at("bias")[static_cast<std::size_t>((d * biases + index(order, g)) * H + h)];
      };
      if (split) {
        at.bR = [=, &from](auto d, char g, auto h) {
          return g == 'n' ? from.at("bias")[static_cast<std::size_t>((d * biases + G) * H + h)] : T{};
        };
      }
      break;
    }
    case WeightFormat::paddle_fluid: {
      const std::string order = "zrn";
      const auto sign = [](char g, T value) { return g == 'z' ? -value : value; };
      at.W = [=, &from](auto, char g, auto h, auto k) {
        return sign(g, from.at("input_weight")[static_cast<std::size_t>((k * 3 + index(order, g)) * H + h)]);
      };
      at.R = [=, &from](auto, char g, auto h, auto k) {
        const std::int64_t place = g == 'n' ? 2 * H * H + k * H + h : (k * 2 + index(order, g)) * H + h;
        return sign(g, from.at("weight")[static_cast<std::size_t>(place)]);
      };
      at.bW = [=, &from](auto, char g, auto h) {
        return sign(g, from.at("input_bias")[static_cast<std::size_t>(index(order, g) * H + h)]);
      };
      at.bR = [=, &from](auto, char g, auto h) {
        return sign(g, from.at("bias")[static_cast<std::size_t>(index(order, g) * H + h)]);
      };
      break;
    }
    case WeightFormat::keras_cudnn: {
      const std::string order = lstm ? "ifgo" : "zrn";
      const auto G = static_cast<std::int64_t>(order.size());
      const auto name = [=](const char* stem, std::int64_t d) {
        return (D == 1 ? "" : d == 0 ? "forward_" : "backward_") + std::string(stem);
      };
      at.W = [=, &from](auto d, char g, auto h, auto k) {
        // As Keras turns it into the kernel of its own layers: the gate's columns are transposed, and what
        // that gives, read column by column, fills a kernel column by column.
        const Aligned<T>& kernel = from.at(name("kernel", d));
        std::vector<T> sequence;
        for (std::int64_t i = 0; i < J; ++i) {
          for (std::int64_t unit = 0; unit < H; ++unit) {
            sequence.push_back(kernel[static_cast<std::size_t>(i * G * H + index(order, g) * H + unit)]);
          }
        }
        return sequence[static_cast<std::size_t>(h * J + k)];
      };
      at.R = [=, &from](auto d, char g, auto h, auto k) {
        return from.at(
            name("recurrent_kernel", d))[static_cast<std::size_t>((h * G + index(order, g)) * H + k)];
      };
      at.bW = [=, &from](auto d, char g, auto h) {
        return from.at(name("bias", d))[static_cast<std::size_t>(index(order, g) * H + h)];
      };
      at.bR = [=, &from](auto d, char g, auto h) {
        return from.at(name("bias", d))[static_cast<std::size_t>((G + index(order, g)) * H + h)];
      };
      break;
    }
    case WeightFormat::haiku: {
      const std::string order = "zrn";
      const auto sign = [](char g, T value) { return g == 'z' ? -value : value; };
      at.W = [=, &from](auto, char g, auto h, auto k) {
        return sign(g, from.at("w_i")[static_cast<std::size_t>((k * 3 + index(order, g)) * H + h)]);
      };
      at.R = [=, &from](auto, char g, auto h, auto k) {
        return sign(g, from.at("w_h")[static_cast<std::size_t>((k * 3 + index(order, g)) * H + h)]);
      };
      at.bW = [=, &from](auto, char g, auto h) {
        return sign(g, from.at("b")[static_cast<std::size_t>(index(order, g) * H + h)]);
      };
      break;
    }
    case WeightFormat::lasagne:
    case WeightFormat::madmom: {
      const bool madmom = format == WeightFormat::madmom;
      const auto name = [=](const char* stem, char g) {
        const std::string gate = g == 'r' ? "reset" : g == 'z' ? "update" : madmom ? "cell" : "hidden_";
        if (madmom) return gate + (g == 'n' ? "." : "_gate.") + stem;
        return stem + gate + (g == 'n' ? "update" : "gate");
      };
      const auto sign = [](char g, T value) { return g == 'z' ? -value : value; };
      at.W = [=, &from](auto, char g, auto h, auto k) {
        return sign(g,
                    from.at(name(madmom ? "weights" : "W_in_to_", g))[static_cast<std::size_t>(k * H + h)]);
      };
      at.R = [=, &from](auto, char g, auto h, auto k) {
        return sign(g, from.at(name(madmom ? "recurrent_weights" : "W_hid_to_",
                                    g))[static_cast<std::size_t>(k * H + h)]);
      };
      at.bW = [=, &from](auto, char g, auto h) {
        return sign(g, from.at(name(madmom ? "bias" : "b_", g))[static_cast<std::size_t>(h)]);
      };
      break;
    }
  }
  return at;
}

TEST(WeightFormats, ElementsAreWhereTheLibrariesDocumentThem) {
  const int count = for_all([](WeightFormat format, const Spec& spec, std::int64_t layer) {
    Foreign<float> from(format, spec, layer);
    int next = 0;
    for (auto& tensor : from.tensors) number(tensor, next);
    Canonical<float> to(spec, layer);
    import_weights(format, spec, layer, from.views<ConstTensorView>(), to.views<TensorView>(spec, layer));

    const Documented<float> at = documented<float>(format, spec, layer, from);
    const std::int64_t D = directions_of(spec), J = layer_input_size(spec, layer), P = output_size_of(spec);
    const std::string names = gates(spec);
    const std::string seeing_c = peepholes_of(spec) == 0 ? "" : peepholes_of(spec) == 2 ? "io" : "ifo";
    for (std::int64_t d = 0; d < D; ++d) {
      for (std::int64_t h = 0; h < kH; ++h) {
        for (std::size_t p = 0; p < seeing_c.size(); ++p) {
          const auto place =
              (static_cast<std::size_t>(d) * seeing_c.size() + p) * kH + static_cast<std::size_t>(h);
          ASSERT_EQ(to.tensors.at("peephole")[place], at.peephole(d, seeing_c[p], h));
        }
        for (std::int64_t p = 0; p < spec.projection_size; ++p) {
          const auto place = static_cast<std::size_t>((d * P + p) * kH + h);
          ASSERT_EQ(to.tensors.at("projection")[place], at.projection(d, p, h));
        }
      }
      for (std::size_t g = 0; g < names.size(); ++g) {
        for (std::int64_t h = 0; h < kH; ++h) {
          const std::int64_t row =
              (d * static_cast<std::int64_t>(names.size()) + static_cast<std::int64_t>(g)) * kH + h;
          for (std::int64_t k = 0; k < J; ++k) {
            ASSERT_EQ(to.tensors.at("W")[static_cast<std::size_t>(row * J + k)], at.W(d, names[g], h, k));
          }
          for (std::int64_t k = 0; k < P; ++k) {
            ASSERT_EQ(to.tensors.at("R")[static_cast<std::size_t>(row * P + k)], at.R(d, names[g], h, k));
          }
          if (spec.bias != Bias::none) {
            ASSERT_EQ(to.tensors.at("bW")[static_cast<std::size_t>(row)], at.bW(d, names[g], h));
          }
          if (spec.bias == Bias::both) {
            ASSERT_EQ(to.tensors.at("bR")[static_cast<std::size_t>(row)],
                      at.bR ? at.bR(d, names[g], h) : 0.0f);
          }
        }
      }
    }
  });
  EXPECT_GE(count, 100);
}

// There and back, from either side, in every type: the same bits, but where a convention has less than the
// canonical weights, or more.
template <class T>
void round_trips() {
  for_all([](WeightFormat format, const Spec& spec_of_any_type, std::int64_t layer) {
    Spec spec = spec_of_any_type;
    spec.dtype = storage_type<T>;
    Canonical<T> first(spec, layer), second(spec, layer);
    int next = 0;
    for (auto& [name, tensor] : first.tensors) number(tensor, next);
    Foreign<T> foreign(format, spec, layer), again(format, spec, layer);
    try {
      export_weights(format, spec, layer, first.template views<ConstTensorView>(spec, layer),
                     foreign.template views<TensorView>());
    } catch (const Unsupported&) {
      EXPECT_EQ(sizeof(T), 2u);
      return;
    }
    import_weights(format, spec, layer, foreign.template views<ConstTensorView>(),
                   second.template views<TensorView>(spec, layer));
    export_weights(format, spec, layer, second.template views<ConstTensorView>(spec, layer),
                   again.template views<TensorView>());
    for (std::size_t i = 0; i < foreign.tensors.size(); ++i) {
      EXPECT_TRUE(same_bytes(foreign.tensors[i], again.tensors[i])) << foreign.names[i].name;
    }
    const bool merges =
        spec.bias == Bias::both &&
        (format == WeightFormat::onednn || format == WeightFormat::haiku ||
         (format == WeightFormat::keras && !(spec.cell == Cell::gru && spec.gru_reset == GruReset::after)));
    for (auto& [name, tensor] : first.tensors) {
      if (merges && name[0] == 'b') continue;
      EXPECT_TRUE(same_bytes(tensor, second.tensors.at(name))) << name;
    }
  });
}
TEST(WeightFormats, RoundTripsAreExactF32) { round_trips<float>(); }
TEST(WeightFormats, RoundTripsAreExactF64) { round_trips<double>(); }
TEST(WeightFormats, RoundTripsAreExactBf16) { round_trips<Bf16>(); }
TEST(WeightFormats, RoundTripsAreExactF16) { round_trips<F16>(); }

// NaNs, infinities and negative zeros are elements like others.
TEST(WeightFormats, BitsAreMoved) {
  Spec spec;
  spec.cell = Cell::gru;
  spec.gru_reset = GruReset::before;
  spec.input_size = spec.hidden_size = 1;
  Foreign<float> from(WeightFormat::paddle_fluid, spec, 0), back(WeightFormat::paddle_fluid, spec, 0);
  Canonical<float> to(spec, 0);
  from.at("input_weight")[0] = std::numeric_limits<float>::quiet_NaN();
  from.at("input_weight")[1] = -std::numeric_limits<float>::infinity();
  from.at("input_weight")[2] = -0.0f;
  for (const char* name : {"input_bias", "weight", "bias"}) {
    for (std::size_t i = 0; i < 3; ++i) from.at(name)[i] = -0.0f;
  }
  import_weights(WeightFormat::paddle_fluid, spec, 0, from.views<ConstTensorView>(),
                 to.views<TensorView>(spec, 0));
  EXPECT_TRUE(std::isnan(to.tensors.at("W")[1]));
  EXPECT_EQ(to.tensors.at("W")[0], -std::numeric_limits<float>::infinity());
  EXPECT_TRUE(std::signbit(to.tensors.at("bW")[0]));
  EXPECT_FALSE(std::signbit(to.tensors.at("bW")[1])) << "of z, whose sign changes";
  export_weights(WeightFormat::paddle_fluid, spec, 0, to.views<ConstTensorView>(spec, 0),
                 back.views<TensorView>());
  for (std::size_t i = 0; i < from.tensors.size(); ++i) {
    EXPECT_TRUE(same_bytes(from.tensors[i], back.tensors[i]));
  }
}

TEST(WeightFormats, OneBiasIsTheSumOfTwo) {
  Spec spec;
  spec.input_size = spec.hidden_size = 1;
  Canonical<float> from(spec, 0);
  int next = 0;
  for (auto& [name, tensor] : from.tensors) number(tensor, next);
  Foreign<float> to(WeightFormat::keras, spec, 0);
  export_weights(WeightFormat::keras, spec, 0, from.views<ConstTensorView>(spec, 0), to.views<TensorView>());
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(to.at("bias")[i], from.tensors.at("bW")[i] + from.tensors.at("bR")[i]);
  }
}

// What a user may get wrong. Nothing is written.
class BadConversions : public ::testing::Test {
 protected:
  BadConversions() {
    for (auto& tensor : from_.tensors) {
      for (std::size_t i = 0; i < tensor.size(); ++i) tensor[i] = 1;
    }
    for (auto& [name, tensor] : to_.tensors) tensor.poison();
  }
  template <class E>
  void expect(const std::string& text) {
    try {
      import_weights(format_, spec_, layer_, views_, weights_);
      ADD_FAILURE() << "nothing was thrown";
    } catch (const E& error) {
      EXPECT_NE(std::string(error.what()).find(text), std::string::npos) << error.what();
    }
    for (auto& [name, tensor] : to_.tensors) {
      const auto bytes = tensor.bytes();
      EXPECT_TRUE(std::ranges::all_of(bytes, [](std::byte b) { return b == std::byte{0xff}; })) << name;
    }
  }

  static Spec lstm() {
    Spec spec;
    spec.input_size = 4;
    spec.hidden_size = 4;
    return spec;
  }
  Spec spec_ = lstm();
  WeightFormat format_ = WeightFormat::pytorch;
  std::int64_t layer_ = 0;
  Foreign<float> from_{format_, spec_, 0};
  Canonical<float> to_{spec_, 0};
  std::vector<ConstTensorView> views_ = from_.views<ConstTensorView>();
  BasicLayerWeights<TensorView> weights_ = to_.views<TensorView>(spec_, 0);
};

TEST_F(BadConversions, Layer) {
  layer_ = 1;
  expect<InvalidArgument>("layer: expected 0 <= layer < L=1, got 1");
  layer_ = -1;
  expect<InvalidArgument>("got -1");
}
TEST_F(BadConversions, Format) {
  format_ = static_cast<WeightFormat>(99);
  expect<InvalidArgument>("format: expected one of its enumerators, got 99");
}
TEST_F(BadConversions, SpecOfNoUse) {
  spec_.hidden_size = 0;
  expect<InvalidArgument>("hidden_size");
  spec_.hidden_size = std::int64_t{1} << 61;
  expect<InvalidArgument>("");
}
TEST_F(BadConversions, CellsTheFormatLacks) {
  spec_.peepholes = true;
  expect<Unsupported>("pytorch weights: there are no peepholes");
  spec_ = lstm();
  spec_.coupled_input_forget = true;
  expect<Unsupported>("coupled");
  spec_ = lstm();
  spec_.bias = Bias::single;
  expect<Unsupported>("two biases or none");
  spec_ = lstm();
  spec_.projection_size = 2;
  format_ = WeightFormat::onnx;
  expect<Unsupported>("onnx weights: there is no projection");
  spec_ = lstm();
  format_ = WeightFormat::paddle_fluid;
  expect<Unsupported>("dynamic_gru");
  for (WeightFormat format : {WeightFormat::haiku, WeightFormat::lasagne, WeightFormat::madmom}) {
    format_ = format;
    spec_ = lstm();
    expect<Unsupported>("only a gru");
    spec_.cell = Cell::gru;
    spec_.direction = Direction::bidirectional;
    expect<Unsupported>("one direction");
    spec_.direction = Direction::forward;
    if (format == WeightFormat::haiku) {
      expect<Unsupported>("haiku weights: gru resets before the product only");
      continue;
    }
    expect<Unsupported>("one bias, that of the input; bias is both");
    spec_.bias = Bias::single;
    spec_.gru_reset = GruReset::before;
    expect<Unsupported>("gru resets after the product only");
  }
  spec_ = lstm();
  format_ = WeightFormat::keras_cudnn;
  spec_.bias = Bias::single;
  expect<Unsupported>("two biases");
  spec_.cell = Cell::rnn;
  expect<Unsupported>("CuDNNLSTM and CuDNNGRU only");
}
TEST_F(BadConversions, CellsWithoutR) {
  for (const WeightFormat format : kFormats) {
    format_ = format;
    spec_ = lstm();
    spec_.cell = Cell::min_gru;
    expect<Unsupported>(std::string(name_of(format)) + " weights: every layer has R; cell is min-gru");
  }
}
TEST_F(BadConversions, TooFewTensors) {
  views_.pop_back();
  expect<InvalidArgument>("tensors: expected 4, from weight_ih_l0 to bias_hh_l0, got 3");
}
TEST_F(BadConversions, ShapeTypeAndPlace) {
  views_[1] = ConstTensorView(from_.tensors[1].data(), {16, 3});
  expect<InvalidArgument>("weight_hh_l0: expected f32 [16] [4], got f32 [16] [3]");
  views_[1] = ConstTensorView(from_.tensors[1].data(), DataType::bf16, {16, 4});
  expect<InvalidArgument>("weight_hh_l0");
  views_[1] = ConstTensorView(from_.tensors[1].data(), DataType::f32, {16, 4}, {5, 1});
  expect<InvalidArgument>("dense");
  views_[1] = ConstTensorView(static_cast<const float*>(nullptr), {16, 4});
  expect<InvalidArgument>("null");
  views_[1] =
      ConstTensorView(reinterpret_cast<const char*>(from_.tensors[1].data()) + 1, DataType::f32, {16, 4});
  expect<InvalidArgument>("misaligned");
  views_[1] = {};
  expect<InvalidArgument>("nothing");
}
TEST_F(BadConversions, Canonical) {
  weights_.R = TensorView(to_.tensors.at("R").data(), {1, 16, 3});
  expect<InvalidArgument>("R: expected");
  weights_ = to_.views<TensorView>(spec_, 0);
  weights_.peephole = TensorView(to_.tensors.at("R").data(), {1, 12});
  expect<InvalidArgument>("peephole: expected nothing");
  weights_ = to_.views<TensorView>(spec_, 0);
  weights_.bW = weights_.bR;
  expect<InvalidArgument>("bW: expected memory that no other argument uses");
}

TEST(WeightFormats, SixteenBitBiasesAreNotAdded) {
  Spec spec;
  spec.input_size = spec.hidden_size = 4;
  spec.dtype = DataType::bf16;
  Canonical<Bf16> from(spec, 0);
  Foreign<Bf16> to(WeightFormat::keras, spec, 0);
  EXPECT_THROW(export_weights(WeightFormat::keras, spec, 0, from.views<ConstTensorView>(spec, 0),
                              to.views<TensorView>()),
               Unsupported);
}

}  // namespace
}  // namespace recur::test
