// make_plan() and survey_engines() with one wrong field at a time.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "recur/recur.hpp"

namespace recur::test {
namespace {

struct Question {
  Spec spec;
  Shape shape{2, 3};
  Options options;
};

struct BadField {
  const char* label;
  void (*spoil)(Question&);
  std::vector<std::string> message;
};

constexpr std::int64_t kMin = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kHuge = std::int64_t(1) << 40;
const double kNan = std::nan("");
constexpr double kInf = std::numeric_limits<double>::infinity();

void expect_refusals(const std::vector<BadField>& cases) {
  for (const BadField& bad : cases) {
    SCOPED_TRACE(bad.label);
    Question question;
    question.spec.input_size = 4;
    question.spec.hidden_size = 8;
    bad.spoil(question);
    const auto expect = [&](auto&& call) {
      try {
        call();
        ADD_FAILURE() << "accepted";
      } catch (const InvalidArgument& error) {
        for (const std::string& part : bad.message) {
          EXPECT_NE(std::string(error.what()).find(part), std::string::npos)
              << "no '" << part << "' in: " << error.what();
        }
      } catch (const std::exception& error) {
        ADD_FAILURE() << "another error: " << error.what();
      }
    };
    expect([&] { make_plan(question.spec, question.shape, Device::cpu(), question.options); });
    // What can never work is so whoever would run it. Sizes of buffers are an engine's own.
    if (std::string(bad.label).find("of a buffer") != std::string::npos) continue;
    expect([&] { survey_engines(question.spec, question.shape, Device::cpu(), question.options); });
    question.options.engine =
        question.options.engine == EngineId::best ? EngineId::cudnn : question.options.engine;
    expect([&] { make_plan(question.spec, question.shape, Device::cpu(), question.options); });
  }
}

TEST(BadJob, Sizes) {
  expect_refusals({
      {"I 0",
       [](Question& q) { q.spec.input_size = 0; },
       {"Spec::input_size (I): expected at least 1, got 0"}},
      {"I negative",
       [](Question& q) { q.spec.input_size = -7; },
       {"Spec::input_size (I): expected at least 1, got -7"}},
      {"I least",
       [](Question& q) { q.spec.input_size = kMin; },
       {"Spec::input_size (I): expected at least 1, got -9223372036854775808"}},
      {"H 0",
       [](Question& q) { q.spec.hidden_size = 0; },
       {"Spec::hidden_size (H): expected at least 1, got 0"}},
      {"H negative",
       [](Question& q) { q.spec.hidden_size = -1; },
       {"Spec::hidden_size (H): expected at least 1, got -1"}},
      {"L 0", [](Question& q) { q.spec.layers = 0; }, {"Spec::layers (L): expected at least 1, got 0"}},
      {"L negative",
       [](Question& q) { q.spec.layers = -1; },
       {"Spec::layers (L): expected at least 1, got -1"}},
      {"L 65", [](Question& q) { q.spec.layers = 65; }, {"Spec::layers (L): expected at most 64, got 65"}},
      {"L huge",
       [](Question& q) { q.spec.layers = kMax; },
       {"Spec::layers (L): expected at most 64, got 9223372036854775807"}},
      {"T 0", [](Question& q) { q.shape.steps = 0; }, {"Shape::steps (T): expected at least 1, got 0"}},
      {"T negative",
       [](Question& q) { q.shape.steps = kMin; },
       {"Shape::steps (T): expected at least 1, got -9"}},
      {"B 0", [](Question& q) { q.shape.batch = 0; }, {"Shape::batch (B): expected at least 1, got 0"}},
      {"B negative",
       [](Question& q) { q.shape.batch = -2; },
       {"Shape::batch (B): expected at least 1, got -2"}},
      {"P negative",
       [](Question& q) { q.spec.projection_size = -1; },
       {"Spec::projection_size (P): expected at least 0, got -1"}},
      {"P above H",
       [](Question& q) { q.spec.projection_size = 9; },
       {"Spec::projection_size (P): expected at most H=8, got 9"}},
      {"threads 0",
       [](Question& q) { q.options.threads = 0; },
       {"Options::threads: expected at least 1, got 0"}},
      {"threads negative",
       [](Question& q) { q.options.threads = -4; },
       {"Options::threads: expected at least 1, got -4"}},
      {"interval negative",
       [](Question& q) { q.options.checkpoint_interval = -1; },
       {"Options::checkpoint_interval: expected at least 0, got -1"}},
      {"window negative",
       [](Question& q) { q.options.truncation_window = -1; },
       {"Options::truncation_window: expected at least 0, got -1"}},
  });
}

TEST(BadJob, SizesThatOverflow) {
  const std::string overflow = "the size overflows 64 bits";
  expect_refusals({
      {"x",
       [](Question& q) {
         q.spec.input_size = kMax;
         q.shape.steps = 1;
         q.shape.batch = 1;
       },
       {"x [T][B][I]", overflow}},
      {"x by T and B",
       [](Question& q) {
         q.shape = {kHuge, kHuge};
       },
       {"x [T][B][I]", overflow}},
      {"W",
       [](Question& q) {
         q.spec.input_size = kHuge;
         q.spec.hidden_size = kHuge;
         q.shape = {1, 1};
       },
       {"W [D][G*H][I]", overflow}},
      {"W of the second layer",
       [](Question& q) {
         q.spec.hidden_size = kHuge;
         q.shape = {1, 1};
       },
       {overflow}},
      {"y",
       [](Question& q) {
         q.spec.hidden_size = std::int64_t(1) << 28;
         q.spec.input_size = 1;
         q.shape = {std::int64_t(1) << 30, 8};
       },
       {overflow}},
      {"D*H",
       [](Question& q) {
         q.spec.hidden_size = kMax;
         q.spec.direction = Direction::bidirectional;
       },
       {"D*H", overflow}},
      {"h0",
       [](Question& q) {
         q.spec.layers = 64;
         q.spec.hidden_size = std::int64_t(1) << 26;
         q.shape = {1, std::int64_t(1) << 30};
       },
       {"h0 [L][D][B][H]", overflow}},
      // Every tensor of the contract fits, what the engine saves for backward does not.
      {"of a buffer: reserve",
       [](Question& q) {
         q.spec.hidden_size = std::int64_t(1) << 20;
         q.shape = {std::int64_t(1) << 39, 1};
         q.spec.input_size = 1;
         q.options.pass = Pass::training;
       },
       {"buffer", overflow}},
  });
}

TEST(BadJob, Enumerators) {
  const auto expected = [](const char* field, int value) {
    return std::vector<std::string>{std::string(field) + ": expected one of its enumerators, got " +
                                    std::to_string(value)};
  };
  expect_refusals({
      {"cell", [](Question& q) { q.spec.cell = static_cast<Cell>(4); }, expected("Spec::cell", 4)},
      {"cell 255", [](Question& q) { q.spec.cell = static_cast<Cell>(255); }, expected("Spec::cell", 255)},
      {"activation", [](Question& q) { q.spec.activation = static_cast<RnnActivation>(2); },
       expected("Spec::activation", 2)},
      {"activations", [](Question& q) { q.spec.activations[2].function = static_cast<Activation>(12); },
       expected("Spec::activations", 12)},
      {"gru_reset", [](Question& q) { q.spec.gru_reset = static_cast<GruReset>(2); },
       expected("Spec::gru_reset", 2)},
      {"direction", [](Question& q) { q.spec.direction = static_cast<Direction>(3); },
       expected("Spec::direction", 3)},
      {"bias", [](Question& q) { q.spec.bias = static_cast<Bias>(3); }, expected("Spec::bias", 3)},
      {"dtype", [](Question& q) { q.spec.dtype = static_cast<DataType>(6); }, expected("Spec::dtype", 6)},
      {"layout", [](Question& q) { q.spec.layout = static_cast<Layout>(2); }, expected("Spec::layout", 2)},
      {"engine", [](Question& q) { q.options.engine = static_cast<EngineId>(8); },
       expected("Options::engine", 8)},
      {"pass", [](Question& q) { q.options.pass = static_cast<Pass>(2); }, expected("Options::pass", 2)},
      {"cudnn_algorithm", [](Question& q) { q.options.cudnn_algorithm = static_cast<CudnnAlgorithm>(5); },
       expected("Options::cudnn_algorithm", 5)},
      {"i32",
       [](Question& q) { q.spec.dtype = DataType::i32; },
       {"Spec::dtype: expected a floating-point type, got i32"}},
      {"u8",
       [](Question& q) { q.spec.dtype = DataType::u8; },
       {"Spec::dtype: expected a floating-point type, got u8"}},
  });
}

TEST(BadJob, Probabilities) {
  struct Field {
    const char* name;
    double Spec::*member;
  };
  for (const Field& field :
       {Field{"Spec::dropout", &Spec::dropout}, Field{"Spec::recurrent_dropout", &Spec::recurrent_dropout},
        Field{"Spec::zoneout", &Spec::zoneout}}) {
    for (double value : {kNan, kInf, -kInf, -0.5, 1.0, 2.0}) {
      Spec spec;
      spec.input_size = spec.hidden_size = 4;
      spec.*field.member = value;
      try {
        make_plan(spec, {}, Device::cpu());
        ADD_FAILURE() << field.name << " " << value;
      } catch (const InvalidArgument& error) {
        const std::string message = error.what();
        EXPECT_NE(message.find(std::string(field.name) + ": expected a probability in [0, 1), got " +
                               std::to_string(value)),
                  std::string::npos)
            << message;
      }
    }
  }
}

TEST(BadJob, Clip) {
  for (double value : {kNan, kInf, -1.0}) {
    Spec spec;
    spec.input_size = spec.hidden_size = 4;
    spec.clip = value;
    try {
      make_plan(spec, {}, Device::cpu());
      ADD_FAILURE() << value;
    } catch (const InvalidArgument& error) {
      EXPECT_NE(std::string(error.what())
                    .find("Spec::clip: expected a finite bound of at least 0, got " + std::to_string(value)),
                std::string::npos)
          << error.what();
    }
  }
}

TEST(BadJob, Functions) {
  for (double value : {kNan, kInf, -kInf}) {
    for (double GateActivation::*member : {&GateActivation::alpha, &GateActivation::beta}) {
      Spec spec;
      spec.input_size = spec.hidden_size = 4;
      spec.activations[1].*member = value;  // whether it is read or not
      const std::string field =
          std::string("Spec::activations[1].") + (member == &GateActivation::alpha ? "alpha" : "beta");
      try {
        make_plan(spec, {}, Device::cpu());
        ADD_FAILURE() << field << " " << value;
      } catch (const InvalidArgument& error) {
        EXPECT_NE(std::string(error.what())
                      .find(field + ": expected a finite number, got " + std::to_string(value)),
                  std::string::npos)
            << error.what();
      }
    }
  }
  // The places that a cell does not have, and no others.
  for (Cell cell : {Cell::rnn, Cell::gru, Cell::lstm, Cell::min_gru}) {
    const std::size_t places = cell == Cell::gru ? 2 : cell == Cell::lstm ? 3 : 1;
    for (std::size_t place = 0; place < 3; ++place) {
      Spec spec;
      spec.cell = cell;
      spec.input_size = spec.hidden_size = 4;
      spec.activations[place].function = Activation::elu;
      const std::string expected = "Spec::activations[" + std::to_string(place) +
                                   "]: expected standard, the cell has no function there, got elu in " +
                                   std::string(name_of(cell));
      try {
        make_plan(spec, {}, Device::cpu());
        EXPECT_LT(place, places) << name_of(cell);
      } catch (const InvalidArgument& error) {
        EXPECT_GE(place, places) << name_of(cell);
        EXPECT_NE(std::string(error.what()).find(expected), std::string::npos) << error.what();
      }
    }
  }
}

// Of the reverse direction they are held to the same rules, and belong to layers that have both.
TEST(BadJob, FunctionsByDirection) {
  const auto expect = [](const Spec& spec, const std::string& message) {
    try {
      make_plan(spec, {}, Device::cpu());
      ADD_FAILURE() << "planned; expected " << message;
    } catch (const InvalidArgument& error) {
      EXPECT_NE(std::string(error.what()).find(message), std::string::npos) << error.what();
    }
  };
  Spec good;
  good.cell = Cell::gru;
  good.input_size = good.hidden_size = 4;
  good.direction = Direction::bidirectional;
  good.reverse_activations.emplace()[1].function = Activation::elu;
  EXPECT_NO_THROW(make_plan(good, {}, Device::cpu()));
  for (const Direction direction : {Direction::forward, Direction::reverse}) {
    Spec spec = good;
    spec.direction = direction;
    expect(spec,
           "Spec::reverse_activations: expected none, they belong to bidirectional layers, got some in a "
           "layer of direction " +
               std::string(name_of(direction)));
  }
  Spec spec = good;
  (*spec.reverse_activations)[0].function = static_cast<Activation>(12);
  expect(spec, "Spec::reverse_activations: expected one of its enumerators, got 12");
  spec = good;
  (*spec.reverse_activations)[2].function = Activation::elu;
  expect(spec,
         "Spec::reverse_activations[2]: expected standard, the cell has no function there, got elu in gru");
  spec = good;
  (*spec.reverse_activations)[1].alpha = kNan;
  expect(spec, "Spec::reverse_activations[1].alpha: expected a finite number");
}

TEST(BadJob, FieldsOfAnotherCell) {
  expect_refusals({
      {"peepholes",
       [](Question& q) {
         q.spec.cell = Cell::gru;
         q.spec.peepholes = true;
       },
       {"Spec::peepholes: expected its default, it belongs to lstm, got gru"}},
      {"coupled",
       [](Question& q) {
         q.spec.cell = Cell::rnn;
         q.spec.coupled_input_forget = true;
       },
       {"Spec::coupled_input_forget: expected its default, it belongs to lstm, got rnn"}},
      {"cell_sequence",
       [](Question& q) {
         q.spec.cell = Cell::gru;
         q.spec.cell_sequence = true;
       },
       {"Spec::cell_sequence: expected its default, it belongs to lstm, got gru"}},
      {"projection",
       [](Question& q) {
         q.spec.cell = Cell::gru;
         q.spec.projection_size = 2;
       },
       {"Spec::projection_size: expected its default, it belongs to lstm, got gru"}},
      {"gru_reset",
       [](Question& q) { q.spec.gru_reset = GruReset::before; },
       {"Spec::gru_reset: expected its default, it belongs to gru, got lstm"}},
      {"activation",
       [](Question& q) { q.spec.activation = RnnActivation::relu; },
       {"Spec::activation: expected its default, it belongs to rnn, got lstm"}},
      {"residual",
       [](Question& q) {
         q.spec.cell = Cell::gru;
         q.spec.residual = true;
       },
       {"Spec::residual: expected its default, it belongs to rnn, got gru"}},
  });
}

}  // namespace
}  // namespace recur::test
