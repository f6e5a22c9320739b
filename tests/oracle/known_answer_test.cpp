// The forward pass against numbers worked out by hand, or with 40 digits in mpmath from the formula beside
// them. A wrong sign, gate order or layout is caught here, independent of any gradient.
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "oracle/oracle.hpp"

namespace recur::oracle {
namespace {

// Two dozen roundings of values below 2 at most.
constexpr double kTolerance = 1e-14;

void expect_near(const std::vector<double>& values, const std::vector<double>& expected, const char* name) {
  ASSERT_EQ(values.size(), expected.size()) << name;
  for (std::size_t k = 0; k < values.size(); ++k) {
    EXPECT_NEAR(values[k], expected[k], kTolerance) << name << "[" << k << "]";
  }
}

Spec one_unit(Cell cell) {
  Spec spec;
  spec.cell = cell;
  spec.input_size = 1;
  spec.hidden_size = 1;
  return spec;
}

/// One unit, two steps, x = 1, -2: the second step sees the recurrence.
Problem<double> two_steps(const Spec& spec, LayerParameters<double> layer, double h0, double c0 = 0) {
  Problem<double> problem;
  problem.spec = spec;
  problem.T = 2;
  problem.B = 1;
  problem.x = {1.0, -2.0};
  problem.h0 = {h0};
  if (has_cell_state(spec)) problem.c0 = {c0};
  problem.layers = {std::move(layer)};
  return problem;
}

TEST(KnownAnswer, RnnTanh) {
  // h1 = tanh(0.5 * 1 + 0.1 - 0.25 * 0.2 - 0.3) = tanh(0.25); h2 = tanh(-1.2 - 0.25 * h1).
  const auto result = forward(two_steps(one_unit(Cell::rnn), {{0.5}, {-0.25}, {0.1}, {-0.3}, {}}, 0.2));
  expect_near(result.y, {0.244918662403709129, -0.851402761453424028}, "y");
  expect_near(result.hN, {-0.851402761453424028}, "hN");
}

TEST(KnownAnswer, RnnRelu) {
  // h1 = max(0, 0.25); h2 = max(0, -1.2 - 0.0625).
  Spec spec = one_unit(Cell::rnn);
  spec.activation = RnnActivation::relu;
  const auto result = forward(two_steps(spec, {{0.5}, {-0.25}, {0.1}, {-0.3}, {}}, 0.2));
  expect_near(result.y, {0.25, 0.0}, "y");
}

TEST(KnownAnswer, RnnResidual) {
  // h1 = 0.2 + tanh(0.25) = d; h2 = d + tanh(-1.2 - 0.25 * d).
  Spec spec = one_unit(Cell::rnn);
  spec.residual = true;
  const LayerParameters<double> layer = {{0.5}, {-0.25}, {0.1}, {-0.3}, {}};
  expect_near(forward(two_steps(spec, layer, 0.2)).y, {0.444918662403709129, -0.419667559807746071}, "tanh");
  // h1 = 0.2 + 0.25; h2 = 0.45 + max(0, -1.2 - 0.1125).
  spec.activation = RnnActivation::relu;
  expect_near(forward(two_steps(spec, layer, 0.2)).y, {0.45, 0.45}, "relu");
}

// Gate by gate in the order r z n.
const LayerParameters<double> kGru = {
    {0.5, -0.4, 0.3}, {-0.6, 0.7, 0.8}, {0.1, 0.2, -0.3}, {0.15, -0.25, 0.35}, {}};

TEST(KnownAnswer, GruResetAfter) {
  // r = s(Wr x + bWr + Rr h + bRr), z alike, n = tanh(Wn x + bWn + r (Rn h + bRn)), h' = (1 - z) n + z h.
  const auto result = forward(two_steps(one_unit(Cell::gru), kGru, 0.5));
  expect_near(result.y, {0.462430367024263878, 0.189071944855562357}, "y");
}

TEST(KnownAnswer, GruResetBefore) {
  // The same but n = tanh(Wn x + bWn + Rn (r h) + bRn).
  Spec spec = one_unit(Cell::gru);
  spec.gru_reset = GruReset::before;
  const auto result = forward(two_steps(spec, kGru, 0.5));
  expect_near(result.y, {0.517297771601138386, 0.286183810388064052}, "y");
}

TEST(KnownAnswer, MinGru) {
  // z = s(Wz x + bWz), n = Wn x + bWn, h' = (1 - z) h + z n: z = s(0.6), n = 0.1; z = s(-0.9), n = 0.7.
  const LayerParameters<double> layer = {{0.5, -0.2}, {}, {0.1, 0.3}, {}, {}};
  const auto result = forward(two_steps(one_unit(Cell::min_gru), layer, 0.5));
  expect_near(result.y, {0.241737477509681819, 0.374198487563828596}, "y");
}

// Gate by gate in the order i f g o; peepholes i f o. Coupled: i g o, and i o.
LayerParameters<double> lstm_parameters(bool peepholes, bool coupled) {
  LayerParameters<double> layer = {
      {0.5, -0.4, 0.3, 0.7}, {-0.6, 0.7, 0.8, -0.9}, {0.1, 0.2, -0.3, 0.4}, {0.15, -0.25, 0.35, -0.45}, {}};
  if (peepholes) layer.peephole = {0.6, -0.5, 0.9};
  if (coupled) {
    for (auto* tensor : {&layer.W, &layer.R, &layer.bW, &layer.bR, &layer.peephole}) {
      if (!tensor->empty()) tensor->erase(tensor->begin() + 1);
    }
  }
  return layer;
}

struct LstmCase {
  bool peepholes, coupled;
  std::vector<double> y, c_sequence;
};

TEST(KnownAnswer, Lstm) {
  // i = s(Wi x + bWi + Ri h + bRi [+ pi c]), f alike [or 1 - i], g = tanh(...), c' = f c + i g,
  // o = s(... [+ po c']), h' = o tanh(c'). Start: h = 0.5, c = -0.75.
  const LstmCase cases[] = {
      {false,
       false,
       {0.0173586799522261559, -0.025095682508818275},
       {0.0315812603386289886, -0.134572510631755034}},
      {false,
       true,
       {0.0525278710838342105, -0.0148364737435819327},
       {0.0958262951913404902, -0.081326823078062449}},
      {true,
       false,
       {-0.0568830543134895068, -0.0393055370430738648},
       {-0.108665511415042409, -0.241820942592720422}},
      {true,
       true,
       {-0.030804309303842466, -0.0336128623414893891},
       {-0.0574255238063563404, -0.203830855474651561}},
  };
  for (const LstmCase& expected : cases) {
    SCOPED_TRACE(::testing::Message()
                 << "peepholes " << expected.peepholes << " coupled " << expected.coupled);
    Spec spec = one_unit(Cell::lstm);
    spec.peepholes = expected.peepholes;
    spec.coupled_input_forget = expected.coupled;
    spec.cell_sequence = true;
    const auto layer = lstm_parameters(expected.peepholes, expected.coupled);
    const auto result = forward(two_steps(spec, layer, 0.5, -0.75));
    expect_near(result.y, expected.y, "y");
    expect_near(result.c_sequence, expected.c_sequence, "c_sequence");
    expect_near(result.hN, {expected.y[1]}, "hN");
    expect_near(result.cN, {expected.c_sequence[1]}, "cN");
  }
}

// Two units, h of one element: h = V (o tanh(c')), V = (0.75, -1.25). Peepholes see c, which is not
// projected.
TEST(KnownAnswer, ProjectedLstm) {
  for (bool peepholes : {false, true}) {
    SCOPED_TRACE(peepholes);
    Spec spec = one_unit(Cell::lstm);
    spec.hidden_size = 2;
    spec.projection_size = 1;
    spec.peepholes = peepholes;
    spec.cell_sequence = true;
    auto problem = two_steps(spec,
                             {{0.5, -0.3, -0.4, 0.6, 0.3, 0.8, 0.7, -0.2},
                              {-0.6, 0.4, 0.7, -0.1, 0.8, 0.5, -0.9, 0.2},
                              {0.1, 0.2, -0.3, 0.4, 0.05, -0.15, 0.25, -0.35},
                              {0.15, -0.25, 0.35, -0.45, -0.1, 0.2, -0.3, 0.05},
                              {},
                              {0.75, -1.25}},
                             0.5);
    if (peepholes) problem.layers[0].peephole = {0.6, -0.2, -0.5, 0.3, 0.9, -0.7};
    problem.c0 = {-0.75, 0.25};
    const auto result = forward(problem);
    const std::vector<double> y = peepholes ? std::vector{-0.250518274835571269, 0.241813374542044797}
                                            : std::vector{-0.252596853338862861, 0.226233756067914049};
    const std::vector<double> c = peepholes ? std::vector{-0.158664966922993706, 0.520336468965687973,
                                                          -0.338060333196505383, -0.412894143987977124}
                                            : std::vector{-0.025915889838006303, 0.525901789098455319,
                                                          -0.262668823334554496, -0.449683190208655833};
    expect_near(result.y, y, "y");
    expect_near(result.hN, {y[1]}, "hN");
    expect_near(result.c_sequence, c, "c_sequence");
    expect_near(result.cN, {c[2], c[3]}, "cN");
  }
}

// s(1), s(-2), s(0.5), of hand arithmetic below.
constexpr double kS1 = 0.731058578630004879;
constexpr double kSMinus2 = 0.119202922022117556;
constexpr double kSHalf = 0.622459331201854565;

/// One unit that sees only its biases: x = 0, R = 0.
Problem<double> biases_only(Cell cell, std::vector<double> bW, double h0, double c0) {
  const std::size_t gates = bW.size();
  auto problem = two_steps(one_unit(cell),
                           {std::vector<double>(gates, 0.0),
                            std::vector<double>(gates, 0.0),
                            std::move(bW),
                            std::vector<double>(gates, 0.0),
                            {}},
                           h0, c0);
  problem.T = 1;
  problem.x = {0.0};
  return problem;
}

TEST(KnownAnswer, LstmGateOrderIsIFGO) {
  // c = s(1) tanh(3) + s(-2) c0 and h = s(0.5) tanh(c) only when the rows are i f g o.
  const auto result = forward(biases_only(Cell::lstm, {1.0, -2.0, 3.0, 0.5}, 0.3, 0.75));
  const double c = kS1 * std::tanh(3.0) + kSMinus2 * 0.75;
  expect_near(result.cN, {c}, "cN");
  expect_near(result.hN, {kSHalf * std::tanh(c)}, "hN");
}

TEST(KnownAnswer, GruGateOrderIsRZN) {
  // z = s(-2) keeps 12% of h0 = 0.75; n = tanh(3). r = s(1) is not seen, as R = 0 and bR = 0.
  auto problem = biases_only(Cell::gru, {1.0, -2.0, 3.0}, 0.75, 0);
  expect_near(forward(problem).hN, {(1 - kSMinus2) * std::tanh(3.0) + kSMinus2 * 0.75}, "hN");
  // With bR_n = -1 it is: reset after multiplies it by r, reset before does not.
  problem.layers[0].bR[2] = -1.0;
  expect_near(forward(problem).hN, {(1 - kSMinus2) * std::tanh(3.0 - kS1) + kSMinus2 * 0.75}, "reset after");
  problem.spec.gru_reset = GruReset::before;
  expect_near(forward(problem).hN, {(1 - kSMinus2) * std::tanh(3.0 - 1) + kSMinus2 * 0.75}, "reset before");
}

TEST(KnownAnswer, WeightsAreRowMajorWithOneRowPerOutput) {
  // h[j] = tanh(sum_k W[j][k] x[k] + sum_k R[j][k] h0[k]); I = 3 and H = 2, R not symmetric, so that no
  // transposition fits.
  Problem<double> problem;
  problem.spec = one_unit(Cell::rnn);
  problem.spec.input_size = 3;
  problem.spec.hidden_size = 2;
  problem.spec.bias = Bias::none;
  problem.T = 1;
  problem.B = 1;
  problem.x = {1.0, 2.0, -1.0};
  problem.h0 = {0.5, -0.5};
  problem.layers = {{{0.1, 0.2, 0.3, -0.4, 0.5, -0.6}, {0.7, -0.8, 0.9, 0.25}, {}, {}, {}}};
  expect_near(forward(problem).y, {0.739783051274004296, 0.909565053033425021}, "y");
}

TEST(KnownAnswer, Functions) {
  struct Known {
    ClippedActivation f;
    double x, value, slope;
  };
  const Known all[] = {
      {{Activation::sigmoid, 9, 9, 0}, 0.5, kSHalf, 0.23500371220159448907},
      {{Activation::tanh, 9, 9, 0}, 0.5, 0.46211715726000975850, 0.78644773296592741015},
      {{Activation::relu, 9, 9, 0}, -0.5, 0, 0},
      {{Activation::relu, 9, 9, 0}, 0, 0, 0},
      {{Activation::relu, 9, 9, 0}, 0.5, 0.5, 1},
      {{Activation::affine, 0.25, -3, 0}, 2, -2.5, 0.25},
      {{Activation::leaky_relu, 0.25, 9, 0}, -2, -0.5, 0.25},
      {{Activation::leaky_relu, 0.25, 9, 0}, 0, 0, 1},
      {{Activation::leaky_relu, 0.25, 9, 0}, 2, 2, 1},
      {{Activation::thresholded_relu, 0.5, 9, 0}, 0.25, 0, 0},
      {{Activation::thresholded_relu, 0.5, 9, 0}, 0.5, 0.5, 1},
      {{Activation::thresholded_relu, -0.5, 9, 0}, -0.25, -0.25, 1},
      {{Activation::scaled_tanh, 0.75, 0.5, 0}, -0.5, -0.18368899680278184696, 0.35250556830239173360},
      {{Activation::hard_sigmoid, 0.25, 0.5, 0}, 1, 0.75, 0.25},
      {{Activation::hard_sigmoid, 0.25, 0.5, 0}, 2, 1, 0.25},
      {{Activation::hard_sigmoid, 0.25, 0.5, 0}, 3, 1, 0},
      {{Activation::hard_sigmoid, 0.25, 0.5, 0}, -3, 0, 0},
      {{Activation::elu, 0.5, 9, 0}, -0.5, -0.19673467014368328820, 0.30326532985631671180},
      {{Activation::elu, 0.5, 9, 0}, 0, 0, 1},
      {{Activation::elu, 0.5, 9, 0}, 3, 3, 1},
      {{Activation::softsign, 9, 9, 0}, -3, -0.75, 0.0625},
      {{Activation::softplus, 9, 9, 0}, -0.5, 0.47407698418010668087, 1 - kSHalf},
      {{Activation::softplus, 9, 9, 0}, 0.5, 0.97407698418010668087, kSHalf},
      // Clamped to [-0.5, 0.5]; the bounds are inside.
      {{Activation::affine, 2, 1, 0.5}, 0.5, 2, 2},
      {{Activation::affine, 2, 1, 0.5}, 0.75, 2, 0},
      {{Activation::affine, 2, 1, 0.5}, -0.5, 0, 2},
      {{Activation::affine, 2, 1, 0.5}, -7, 0, 0},
  };
  for (const Known& known : all) {
    const auto which = testing::Message() << static_cast<int>(known.f.function) << " of " << known.x;
    EXPECT_NEAR(function_of(known.f, known.x), known.value, 1e-16) << which;
    EXPECT_NEAR(slope_of(known.f, known.x), known.slope, 1e-16) << which;
    const auto wide = static_cast<float128>(known.x);
    EXPECT_NEAR(static_cast<double>(function_of(known.f, wide)), known.value, 1e-16) << which;
    EXPECT_NEAR(static_cast<double>(slope_of(known.f, wide)), known.slope, 1e-16) << which;
  }
  // Small results keep their digits.
  EXPECT_NEAR(function_of(ClippedActivation{Activation::softplus, 0, 0, 0}, -40.0), 4.248354255291588986e-18,
              1e-33);
  EXPECT_EQ(function_of(ClippedActivation{Activation::elu, 1, 0, 0}, -0x1p-60), -0x1p-60);
}

// All affine, so that every function shows which sum it got and what it is given.
TEST(KnownAnswer, PlacesOfFunctions) {
  Spec lstm = one_unit(Cell::lstm);
  lstm.peepholes = true;
  lstm.activations = {
      {{Activation::affine, 0.5, 0}, {Activation::affine, 2, 1}, {Activation::affine, 3, -1}}};
  // W x: i 1, f 2, g 0.5, o 1; no recurrence. Peepholes add 0.5 c' = 2 to i, 1 c' = 4 to f, 0.25 c to o.
  Problem<double> problem =
      two_steps(lstm, {{1, 2, 0.5, 1}, {0, 0, 0, 0}, {0, 0, 0, 0}, {0, 0, 0, 0}, {0.5, 1, 0.25}}, 0, 4);
  problem.T = 1;
  problem.x = {1};
  // i = (1 + 2) / 2, f = (2 + 4) / 2, g = 2 * 0.5 + 1, c = 3 * 4 + 1.5 * 2 = 15, o = (1 + 3.75) / 2, h = o (3
  // * 15 - 1).
  EXPECT_EQ(forward(problem).cN, std::vector<double>{15});
  EXPECT_EQ(forward(problem).hN, std::vector<double>{2.375 * 44});
  // Sums beyond 2 count as 2, peepholes included; c stays as it is: i = f = o = 1, g = 2, c = 4 + 2.
  problem.spec.clip = 2;
  EXPECT_EQ(forward(problem).cN, std::vector<double>{6});
  EXPECT_EQ(forward(problem).hN, std::vector<double>{17});

  Spec gru = one_unit(Cell::gru);
  gru.bias = Bias::none;
  gru.activations = {{{Activation::affine, 0.5, 0}, {Activation::affine, 2, 1}, {}}};
  // W x: r 2, z 1, n 1; R h' of n: 3 * 2. r = 1, z = 0.5, n = 2 (1 + 6) + 1, h = (15 + 2) / 2.
  problem = two_steps(gru, {{2, 1, 1}, {0, 0, 3}, {}, {}, {}}, 2);
  problem.T = 1;
  problem.x = {1};
  EXPECT_EQ(forward(problem).hN, std::vector<double>{8.5});
  problem.spec.gru_reset = GruReset::before;
  EXPECT_EQ(forward(problem).hN, std::vector<double>{8.5});
  problem.spec.gru_reset = GruReset::after;
  // The whole of n's sum is clamped, to 4: n = 9.
  problem.spec.clip = 4;
  EXPECT_EQ(forward(problem).hN, std::vector<double>{5.5});
}

/// A unit that adds: relu with W = R = 1 and no bias, so that states are sums that can be read off.
Problem<double> adder(Direction direction, Index layers, std::vector<double> x, double h0) {
  Problem<double> problem;
  problem.spec = one_unit(Cell::rnn);
  problem.spec.activation = RnnActivation::relu;
  problem.spec.bias = Bias::none;
  problem.spec.direction = direction;
  problem.spec.layers = layers;
  problem.T = static_cast<Index>(x.size());
  problem.B = 1;
  problem.x = std::move(x);
  const Index directions = directions_of(problem.spec);
  problem.h0.assign(static_cast<std::size_t>(layers * directions), h0);
  for (Index l = 0; l < layers; ++l) {
    const auto inputs = static_cast<std::size_t>(directions * layer_input_size(problem.spec, l));
    problem.layers.push_back({std::vector<double>(inputs, 1.0),
                              std::vector<double>(static_cast<std::size_t>(directions), 1.0),
                              {},
                              {},
                              {}});
  }
  return problem;
}

TEST(KnownAnswer, Directions) {
  // Running sums of 1 2 4 8 on top of h0 = 100.
  const auto ahead = forward(adder(Direction::forward, 1, {1, 2, 4, 8}, 100));
  EXPECT_EQ(ahead.y, (std::vector<double>{101, 103, 107, 115}));
  EXPECT_EQ(ahead.hN, (std::vector<double>{115}));
  const auto back = forward(adder(Direction::reverse, 1, {1, 2, 4, 8}, 100));
  EXPECT_EQ(back.y, (std::vector<double>{115, 114, 112, 108}));
  EXPECT_EQ(back.hN, (std::vector<double>{115}));
  const auto both = forward(adder(Direction::bidirectional, 1, {1, 2, 4, 8}, 100));
  EXPECT_EQ(both.y, (std::vector<double>{101, 115, 103, 114, 107, 112, 115, 108}));
  EXPECT_EQ(both.hN, (std::vector<double>{115, 115}));
}

TEST(KnownAnswer, StackedLayersReadTheLayerBelow) {
  // Layer 0: 1 3 7; layer 1 sums those.
  const auto result = forward(adder(Direction::forward, 2, {1, 2, 4}, 0));
  EXPECT_EQ(result.y, (std::vector<double>{1, 4, 11}));
  EXPECT_EQ(result.hN, (std::vector<double>{7, 11}));
  // Bidirectional: layer 0 gives (1, 7) (3, 6) (7, 4); each direction of layer 1 sums 8 9 11.
  const auto both = forward(adder(Direction::bidirectional, 2, {1, 2, 4}, 0));
  EXPECT_EQ(both.y, (std::vector<double>{8, 28, 17, 20, 28, 11}));
  EXPECT_EQ(both.hN, (std::vector<double>{7, 7, 28, 28}));
}

TEST(KnownAnswer, Lengths) {
  // Three valid steps of four. Reverse starts at the last valid one.
  for (const auto& [direction, y] : {std::pair{Direction::forward, std::vector<double>{101, 103, 107, 0}},
                                     std::pair{Direction::reverse, std::vector<double>{107, 106, 104, 0}}}) {
    auto problem = adder(direction, 1, {1, 2, 4, 8}, 100);
    problem.spec.variable_lengths = true;
    problem.lengths = {3};
    EXPECT_EQ(forward(problem).y, y);
    EXPECT_EQ(forward(problem).hN, (std::vector<double>{107}));
    problem.lengths = {0};
    EXPECT_EQ(forward(problem).y, (std::vector<double>{0, 0, 0, 0}));
    EXPECT_EQ(forward(problem).hN, (std::vector<double>{100}));
    problem.lengths = {-3};
    EXPECT_EQ(forward(problem).hN, (std::vector<double>{100})) << "negative counts as zero";
    problem.lengths = {9};
    EXPECT_EQ(forward(problem).hN, (std::vector<double>{115})) << "too long counts as T";
  }
}

TEST(KnownAnswer, ResetMask) {
  // A mark at t = 2 cuts 1 2 | 4 8 in both directions. Forward clears before step 2, reverse before step 1.
  auto problem = adder(Direction::bidirectional, 1, {1, 2, 4, 8}, 100);
  problem.spec.reset_mask = true;
  problem.reset_mask = {0, 0, 255, 0};
  EXPECT_EQ(forward(problem).y, (std::vector<double>{101, 3, 103, 2, 4, 112, 12, 108}));
  EXPECT_EQ(forward(problem).hN, (std::vector<double>{12, 3}));
  // A mark at t = 0 clears h0 for forward; there is no step -1, so reverse does not see it.
  problem.reset_mask = {1, 0, 0, 0};
  EXPECT_EQ(forward(problem).y, (std::vector<double>{1, 115, 3, 114, 7, 112, 15, 108}));
  EXPECT_EQ(forward(problem).hN, (std::vector<double>{15, 115}));
  // A mark past the end does not count: with 2 valid steps, reverse starts at step 1 from h0.
  problem.spec.variable_lengths = true;
  problem.lengths = {2};
  problem.reset_mask = {0, 0, 1, 0};
  EXPECT_EQ(forward(problem).y, (std::vector<double>{101, 103, 103, 102, 0, 0, 0, 0}));
  EXPECT_EQ(forward(problem).hN, (std::vector<double>{103, 103}));
}

TEST(KnownAnswer, AbsentStatesAreZeros) {
  auto problem = adder(Direction::forward, 1, {1, 2}, 0);
  problem.h0.clear();
  EXPECT_EQ(forward(problem).y, (std::vector<double>{1, 3}));
}

TEST(KnownAnswer, MalformedProblemsThrow) {
  auto problem = adder(Direction::forward, 1, {1, 2}, 0);
  problem.layers[0].bW = {1.0};  // the Spec has no bias
  EXPECT_THROW(forward(problem), std::invalid_argument);
  problem = adder(Direction::forward, 1, {1, 2}, 0);
  problem.x.pop_back();
  EXPECT_THROW(forward(problem), std::invalid_argument);
}

}  // namespace
}  // namespace recur::oracle
