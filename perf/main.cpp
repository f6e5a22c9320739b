// recur-perf: how fast every engine is on named shapes, beside references and floors.
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <set>

#include "perf/machine.hpp"
#include "perf/options.hpp"
#include "recur/error.hpp"

namespace recur::perf {
namespace {

constexpr int kFailed = 1;
constexpr int kUsage = 2;

void list_shapes(const std::vector<Shape>& shapes) {
  for (const Shape& shape : shapes) {
    std::string dtypes, passes;
    for (const Precision precision : shape.precisions) dtypes += " " + std::string(name_of(precision));
    for (const Timed pass : shape.passes) passes += " " + std::string(name_of(pass));
    std::printf("%s: %s\n  %s;%s;%s\n", shape.name.c_str(), shape.stands_for.c_str(), describe(shape).c_str(),
                dtypes.c_str(), passes.c_str());
    if (!shape.length_source.empty()) std::printf("  lengths: %s\n", shape.length_source.c_str());
  }
}

// Engines, and under each the reasons for which it refuses some of the shapes.
void list_engines(const Device& device, const std::vector<Contender>& contenders,
                  const std::vector<Shape>& shapes) {
  for (const Contender& contender : contenders) {
    std::set<std::string> reasons;
    std::size_t taken = 0, all = 0;
    for (const Shape& shape : shapes) {
      for (const Precision precision : shape.precisions) {
        for (const Timed pass : shape.passes) {
          ++all;
          try {
            plan_for(contender, shape, precision, pass, 1, device);
            ++taken;
          } catch (const Unsupported& error) {
            reasons.insert(error.what());
          }
        }
      }
    }
    std::printf("%s%s: takes %zu of %zu cases\n", contender.name.c_str(),
                contender.is_reference ? " (reference)" : "", taken, all);
    for (const std::string& reason : reasons) std::printf("  refuses: %s\n", reason.c_str());
  }
}

std::string command_of(int argc, char** argv) {
  std::string command = "recur-perf";
  for (int i = 1; i < argc; ++i) command += std::string(" ") + argv[i];
  return command;
}

void write_file(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  file.flush();
  if (!file) throw InvalidArgument("--json " + path + ": cannot be written: " + std::strerror(errno));
}

int run(int argc, char** argv) {
  int code = 0;
  std::optional<Options> parsed = parse_options(argc, argv, code);
  if (!parsed) return code;
  Options& options = *parsed;
  if (options.list_shapes) {
    list_shapes(options.request.shapes);
    return 0;
  }
  const std::unique_ptr<Backend> backend =
      options.device == DeviceKind::cpu ? make_cpu_backend() : make_cuda_backend(options.ordinal);
  options.request.contenders = all_contenders(backend->device());
  if (!options.engines.empty()) {
    options.request.contenders = choose_contenders(options.request.contenders, options.engines);
  }
  if (options.list_engines) {
    list_engines(backend->device(), options.request.contenders, options.request.shapes);
    return 0;
  }
  const bool json_only = options.json == "-";
  if (!options.json.empty() && !json_only) write_file(options.json, "");  // now, not after an hour
  Result result;
  {
    Progress progress(!options.quiet);
    const Facts facts = machine_facts(*backend, command_of(argc, argv));
    result = run_suite(*backend, options.request, progress);
    result.facts = facts;
  }
  std::fputs(json_only ? to_json(result).c_str() : to_table(result).c_str(), stdout);
  if (!options.json.empty() && !json_only) write_file(options.json, to_json(result));
  if (!result.rows.empty()) return 0;
  std::fputs("recur-perf: nothing could be timed\n", stderr);
  return kFailed;
}

// OpenMP's threads, which the references have, stay on a processor each, as ours do: two that share one for a
// time slice take many times as long. After a call they poll for less than a millisecond, since others are
// timed next. What the user has set stays.
void bind_other_threads() {
  setenv("OMP_PROC_BIND", "true", 0);
  if (std::getenv("OMP_WAIT_POLICY") == nullptr) setenv("GOMP_SPINCOUNT", "20000", 0);
}

}  // namespace
}  // namespace recur::perf

int main(int argc, char** argv) {
  try {
    recur::perf::bind_other_threads();
    return recur::perf::run(argc, argv);
  } catch (const recur::InvalidArgument& error) {
    std::fprintf(stderr, "recur-perf: %s\n", error.what());
    return recur::perf::kUsage;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "recur-perf: %s\n", error.what());
    return recur::perf::kFailed;
  }
}
