#include "perf/options.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <fstream>
#include <iterator>

#include "perf/axes.hpp"
#include "perf/pinning.hpp"
#include "perf/walk.hpp"
#include "recur/error.hpp"
#include "recur/version.hpp"

namespace recur::perf {
namespace {

// Options as they are typed.
struct Typed {
  std::string device = "cpu", threads, shapes_file, shapes, engines, inputs = "warm,cold";
  std::string cell, direction, T, B, I, H, L, dtype, pass;
  double minutes = 0;
  double seconds = StoppingRule().most_seconds;
  double tolerance = 100 * StoppingRule().tolerance;
  bool no_floors = false;
  bool walk = false;
};

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw InvalidArgument("--shapes " + path + ": cannot be opened");
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<Shape> named_shapes(const Typed& typed) {
  std::vector<Shape> all =
      typed.shapes_file.empty() ? parse_shapes(carried_shapes()) : parse_shapes(read_file(typed.shapes_file));
  if (typed.shapes.empty()) return all;
  std::vector<Shape> chosen;
  for (const std::string& name : parse_list(typed.shapes)) {
    const auto found = std::ranges::find(all, name, &Shape::name);
    if (found == all.end())
      throw InvalidArgument("--shape: no shape is named '" + name + "'; --list-shapes names all");
    chosen.push_back(*found);
  }
  return chosen;
}

// Whether sizes are typed: then shapes are made of them, and named ones give only what is not typed.
bool has_axes(const Typed& typed) {
  const std::string* const axes[] = {&typed.cell, &typed.direction, &typed.T, &typed.B,
                                     &typed.I,    &typed.H,         &typed.L};
  return std::ranges::any_of(axes, [](const std::string* axis) { return !axis->empty(); });
}

std::vector<std::int64_t> sizes_or(const std::string& text, std::int64_t otherwise) {
  return text.empty() ? std::vector{otherwise} : parse_sizes(text);
}

// All combinations of the axes, on top of a shape.
void combine(const Typed& typed, const Shape& base, std::vector<Shape>& shapes) {
  const std::vector<std::string> cells = typed.cell.empty() ? std::vector{base.cell} : parse_list(typed.cell);
  for (const std::string& cell : cells) {
    for (const std::int64_t L : sizes_or(typed.L, base.L)) {
      for (const std::int64_t H : sizes_or(typed.H, base.H)) {
        // As wide as the layer, unless someone says otherwise.
        for (const std::int64_t I : sizes_or(typed.I, typed.H.empty() ? base.I : H)) {
          for (const std::int64_t T : sizes_or(typed.T, base.T)) {
            for (const std::int64_t B : sizes_or(typed.B, base.B)) {
              Shape shape = base;
              shape.cell = parse_cell(cell).name;
              if (!typed.direction.empty()) shape.direction = parse_direction(typed.direction);
              shape.T = T;
              shape.B = B;
              shape.I = I;
              shape.H = H;
              shape.L = L;
              shape.name = describe(shape);
              shapes.push_back(shape);
            }
          }
        }
      }
    }
  }
}

std::vector<Shape> shapes_of(const Typed& typed) {
  std::vector<Shape> shapes;
  if (has_axes(typed)) {
    std::vector<Shape> bases;
    if (typed.shapes.empty()) {
      Shape base;
      base.stands_for = "sizes of the command line";
      base.T = 100;
      base.H = base.I = 256;
      base.passes = {Timed::inference, Timed::forward, Timed::backward};
      bases.push_back(base);
    } else {
      bases = named_shapes(typed);
    }
    for (const Shape& base : bases) combine(typed, base, shapes);
  } else {
    shapes = named_shapes(typed);
  }
  for (Shape& shape : shapes) {
    if (!typed.dtype.empty()) {
      shape.precisions.clear();
      for (const std::string& name : parse_list(typed.dtype))
        shape.precisions.push_back(parse_precision(name));
    }
    if (!typed.pass.empty()) {
      shape.passes.clear();
      for (const std::string& name : parse_list(typed.pass)) shape.passes.push_back(parse_timed(name));
    }
    if (shape.direction != Direction::forward) std::erase(shape.passes, Timed::step);
  }
  return shapes;
}

std::vector<int> threads_of(const Typed& typed) {
  constexpr std::int64_t kMostThreads = 1024;
  if (typed.threads.empty()) return {static_cast<int>(usable_processors().size())};
  std::vector<int> threads;
  for (const std::int64_t count : parse_sizes(typed.threads)) {
    if (count > kMostThreads) throw InvalidArgument("--threads: expected at most 1024");
    threads.push_back(static_cast<int>(count));
  }
  return threads;
}

Inputs parse_inputs(const std::string& name) {
  if (name == name_of(Inputs::warm)) return Inputs::warm;
  if (name == name_of(Inputs::cold)) return Inputs::cold;
  throw InvalidArgument("--inputs: expected warm or cold, got '" + name + "'");
}

// "cpu", "cuda" or "cuda:1".
void set_device(const std::string& text, Options& options) {
  if (text == "cpu") return;
  options.device = DeviceKind::cuda;
  if (text == "cuda") return;
  if (!text.starts_with("cuda:"))
    throw InvalidArgument("--device: expected cpu, cuda or cuda:N, got '" + text + "'");
  const std::string number = text.substr(5);
  options.ordinal = number == "0" ? 0 : static_cast<int>(parse_sizes(number).front());
}

// Gives what was not typed the values of a walk.
void set_walk(const CLI::App& app, Typed& typed, Options& options) {
  if (!typed.shapes.empty() || !typed.shapes_file.empty()) {
    throw InvalidArgument("--walk: has sizes of its own; expected neither --shape nor --shapes");
  }
  const auto otherwise = [&](const char* option, std::string& text, const char* value) {
    if (app.count(option) == 0) text = value;
  };
  otherwise("--engine", typed.engines, "cpu");
  otherwise("--threads", typed.threads, "1");
  otherwise("--inputs", typed.inputs, "warm");
  otherwise("--cell", typed.cell, walk::kCells);
  otherwise("--T", typed.T, walk::kT);
  otherwise("--B", typed.B, walk::kB);
  otherwise("--H", typed.H, walk::kH);
  otherwise("--dtype", typed.dtype, "f32");
  otherwise("--pass", typed.pass, "inference");
  if (app.count("--seconds") == 0) typed.seconds = walk::kSeconds;
  options.request.rule.fewest = 3;
}

std::string names_of_cells() {
  std::string names;
  for (const NamedCell& cell : kCells) names.append(names.empty() ? "" : ", ").append(cell.name);
  return names;
}

void add_options(CLI::App& app, Typed& typed, Options& options) {
  app.add_option("--device", typed.device, "cpu, cuda or cuda:N")->capture_default_str();
  app.add_option("--threads", typed.threads, "threads on the CPU, a list; by default one a processor");
  app.add_option("--engine", typed.engines, "engines, a list; by default all of the build");
  app.add_option("--shape", typed.shapes, "names of shapes, a list; by default all");
  app.add_option("--shapes", typed.shapes_file, "file of named shapes in place of those the program carries")
      ->type_name("FILE");
  const char* const axes =
      "Axes (lists, and ranges that double: 128..2048). With one of the first seven, shapes are made of "
      "them";
  app.add_option("--cell", typed.cell, names_of_cells())->group(axes);
  app.add_option("--direction", typed.direction, "forward, reverse or bidirectional")->group(axes);
  app.add_option("-T,--T", typed.T, "steps")->group(axes);
  app.add_option("-B,--B", typed.B, "batch")->group(axes);
  app.add_option("-I,--I", typed.I, "input size; by default H")->group(axes);
  app.add_option("-H,--H", typed.H, "hidden size")->group(axes);
  app.add_option("-L,--L", typed.L, "layers")->group(axes);
  app.add_option("--dtype", typed.dtype, "f32, tf32, f64, bf16, f16")->group(axes);
  app.add_option("--pass", typed.pass, "inference, forward (of training), backward, step")->group(axes);
  app.add_option("--inputs", typed.inputs, "warm, cold")->capture_default_str()->group(axes);
  app.add_option("--minutes", typed.minutes,
                 "time for all of it: shapes of most worth first, until it is spent")
      ->check(CLI::PositiveNumber);
  app.add_option("--seconds", typed.seconds, "most seconds of measuring for one figure")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--tolerance", typed.tolerance,
                 "width of a median's confidence interval that will do, in per cent")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_flag("--walk", typed.walk,
               "small steps over B and H, four cells, one thread, a few minutes; what else is typed holds. "
               "perf/report cliffs reads the result");
  app.add_flag("--no-floors", typed.no_floors, "do not measure what the machine can do");
  app.add_option("--json", options.json, "file for the result; - is standard output, without the table")
      ->type_name("FILE");
  app.add_flag("--list-engines", options.list_engines,
               "which engines there are, and what they refuse of the shapes");
  app.add_flag("--list-shapes", options.list_shapes, "names of shapes, and whom they stand for");
  app.add_flag("--quiet", options.quiet, "no progress bar");
}

}  // namespace

std::optional<Options> parse_options(int argc, const char* const* argv, int& code) {
  CLI::App app(
      "Times recurrent layers: every engine of the build on named shapes, beside the reference libraries and "
      "the\n"
      "floor that this machine's rates set. perf/README.md says how.");
  app.name("recur-perf");
  app.set_version_flag("--version", "recur-perf " + std::to_string(RECUR_VERSION_MAJOR) + "." +
                                        std::to_string(RECUR_VERSION_MINOR) + "." +
                                        std::to_string(RECUR_VERSION_PATCH));
  app.set_help_flag("--help", "this text");
  Typed typed;
  Options options;
  add_options(app, typed, options);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& request) {
    code = app.exit(request);
    return std::nullopt;
  } catch (const CLI::ParseError& error) {
    throw InvalidArgument(std::string(error.what()) + "; --help lists the options");
  }
  if (typed.walk) set_walk(app, typed, options);
  set_device(typed.device, options);
  Request& request = options.request;
  request.shapes = shapes_of(typed);
  request.threads = threads_of(typed);
  request.inputs.clear();
  for (const std::string& name : parse_list(typed.inputs)) request.inputs.push_back(parse_inputs(name));
  request.rule.most_seconds = typed.seconds;
  request.rule.least_seconds = std::min(request.rule.least_seconds, typed.seconds);
  request.rule.tolerance = typed.tolerance / 100;
  if (typed.minutes > 0) request.seconds = 60 * typed.minutes;
  request.floors = !typed.no_floors;
  if (!typed.engines.empty()) options.engines = parse_list(typed.engines);
  return options;
}

}  // namespace recur::perf
