// Named shapes: the carried ones, and what is refused as one.
#include "perf/shape.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "host/fields.hpp"
#include "recur/error.hpp"

namespace recur::perf {
namespace {

constexpr const char* kGood =
    R"({"shapes": [{"name": "a", "stands_for": "b", "worth": 3, "cell": "gru-reset-before", "T": 4, "B": 2, "I": 3, "H": 5,
        "L": 2, "direction": "reverse", "lengths": {"quantiles": [1, 4], "source": "s"}, "mean_episode": 9.5,
        "dtypes": ["f32", "tf32"], "passes": ["inference", "backward"]}]})";

std::string replaced(std::string text, const std::string& what, const std::string& with) {
  const std::size_t at = text.find(what);
  EXPECT_NE(at, std::string::npos) << what;
  return text.replace(at, what.size(), with);
}

TEST(Shapes, EveryFieldIsRead) {
  const std::vector<Shape> shapes = parse_shapes(kGood);
  ASSERT_EQ(shapes.size(), 1u);
  const Shape& shape = shapes.front();
  EXPECT_EQ(shape.worth, 3);
  EXPECT_EQ(shape.length_quantiles, (std::vector<double>{1, 4}));
  EXPECT_EQ(shape.precisions, (std::vector{Precision::f32, Precision::tf32}));
  EXPECT_EQ(shape.passes, (std::vector{Timed::inference, Timed::backward}));
  const Spec spec = shape.spec(Precision::bf16);
  EXPECT_EQ(spec.cell, Cell::gru);
  EXPECT_EQ(spec.gru_reset, GruReset::before);
  EXPECT_EQ(spec.input_size, 3);
  EXPECT_EQ(spec.hidden_size, 5);
  EXPECT_EQ(spec.layers, 2);
  EXPECT_EQ(spec.direction, Direction::reverse);
  EXPECT_EQ(spec.dtype, DataType::bf16);
  EXPECT_TRUE(spec.variable_lengths);
  EXPECT_TRUE(spec.reset_mask);
}

// Steps of a stream have neither, whatever the shape's sequences have.
TEST(Shapes, StepsHaveNoLengthsNorResets) {
  const Spec spec = spec_for(parse_shapes(kGood).front(), Precision::f32, Timed::step);
  EXPECT_FALSE(spec.variable_lengths);
  EXPECT_FALSE(spec.reset_mask);
}

TEST(Shapes, MistakesAreNamed) {
  const struct {
    const char* what;
    const char* with;
    const char* message;
  } mistakes[] = {
      {"\"T\": 4", "\"T\": 0", "shape 'a'.T: expected at least 1"},
      {"\"H\": 5,", "", "shape 'a': expected a field 'H'"},
      {"\"H\": 5", "\"H\": \"5\"", "shape 'a'.H"},
      {"\"L\": 2", "\"L\": 0", "shape 'a'.L: expected at least 1"},
      {"gru-reset-before", "gur", "cell: expected one of rnn, rnn-relu, rnn-residual, gru"},
      {"reverse", "up", "direction: expected one of forward, reverse, bidirectional"},
      {"\"tf32\"", "\"i8\"", "dtype: expected one of f32, tf32, f64, bf16, f16"},
      {"\"backward\"", "\"sideways\"", "pass: expected one of inference, forward, backward, step"},
      {"\"backward\"", "\"step\"", "shape 'a': expected direction forward where steps are timed"},
      {"[1, 4]", "[4, 1]", "ascending quantiles"},
      {"\"source\": \"s\"", "\"sauce\": \"s\"", "shape 'a'.lengths: expected a field 'source'"},
      {"9.5", "0.5", "shape 'a'.mean_episode: expected at least 1"},
      {"\"worth\"", "\"wroth\": 1, \"worth\"", "shape 'a': unknown field 'wroth'"},
      {"[\"f32\", \"tf32\"]", "[]", "shape 'a': expected at least one of dtypes and of passes"},
      {"{\"shapes\": [", "{\"shapes\": [7, ", "shape '?': expected an object"},
  };
  for (const auto& mistake : mistakes) {
    try {
      parse_shapes(replaced(kGood, mistake.what, mistake.with));
      ADD_FAILURE() << mistake.with << ": was taken";
    } catch (const InvalidArgument& error) {
      EXPECT_THAT(error.what(), ::testing::HasSubstr(mistake.message));
    }
  }
  EXPECT_THROW(parse_shapes("{"), FormatError);
  EXPECT_THROW(parse_shapes("[]"), InvalidArgument);
  EXPECT_THROW(parse_shapes(R"({"shape": []})"), InvalidArgument);
  std::string twice = kGood;
  const std::string one = twice.substr(twice.find('[') + 1, twice.rfind(']') - twice.find('[') - 1);
  EXPECT_THROW(parse_shapes(replaced(twice, one, one + "," + one)), InvalidArgument);
}

TEST(Shapes, CarriedOnesCoverWhatPeopleRun) {
  const std::vector<Shape> shapes = parse_shapes(carried_shapes());
  EXPECT_TRUE(std::ranges::is_sorted(shapes, std::ranges::greater(), &Shape::worth));
  std::set<std::string> cells;
  std::set<Precision> precisions;
  std::set<Timed> passes;
  bool one = false, odd = false, ragged = false, resets = false, stacked = false, both = false;
  for (const Shape& shape : shapes) {
    cells.insert(shape.cell);
    precisions.insert(shape.precisions.begin(), shape.precisions.end());
    passes.insert(shape.passes.begin(), shape.passes.end());
    one |= shape.B == 1;
    odd |= shape.H % 4 != 0;
    ragged |= !shape.length_quantiles.empty();
    resets |= shape.mean_episode != 0;
    stacked |= shape.L > 1;
    both |= shape.direction == Direction::bidirectional;
    EXPECT_FALSE(shape.stands_for.empty()) << shape.name;
  }
  EXPECT_EQ(cells.size(), kCells.size() - 3) << "all but rnn-relu, rnn-residual and min-gru";
  EXPECT_EQ(precisions.size(), kPrecisions.size());
  EXPECT_EQ(passes.size(), kTimed.size());
  EXPECT_TRUE(one && odd && ragged && resets && stacked && both);
}

// A shape sets every field of Spec but these, of which no time is taken: a new field is in a shape or here.
TEST(Shapes, SetEveryFieldThatIsTimed) {
  using enum host::FieldId;
  const std::set<host::FieldId> untimed = {bias,    layout,      cell_sequence,       projection_size,
                                           dropout, zoneout,     recurrent_dropout,   layer_norm,
                                           clip,    activations, reverse_activations, forest};
  std::set<host::FieldId> set;
  for (const NamedCell& cell : kCells) {
    Shape shape = parse_shapes(kGood).front();
    shape.cell = cell.name;
    for (const Precision precision : kPrecisions) {
      const Spec spec = shape.spec(precision);
      host::each_field<Spec>([&](const auto& field) {
        if (!host::is_default(field, spec)) set.insert(field.id);
      });
    }
  }
  host::each_field<Spec>([&](const auto& field) {
    EXPECT_NE(set.contains(field.id), untimed.contains(field.id)) << field.name;
  });
}

}  // namespace
}  // namespace recur::perf
