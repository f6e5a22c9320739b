#include "perf/machine.hpp"

#include <sys/utsname.h>
#include <unistd.h>

#include <cstring>
#include <ctime>
#include <fstream>

#include "perf/commit.hpp"
#include "perf/pinning.hpp"
#include "recur/version.hpp"

namespace recur::perf {
namespace {

std::string first_line(const char* path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

std::string now() {
  const std::time_t seconds = std::time(nullptr);
  std::tm parts = {};
  gmtime_r(&seconds, &parts);
  char text[32];
  std::strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

std::string compiler() {
#if defined(__clang__)
  return "clang " __clang_version__;
#else
  return "g++ " __VERSION__;
#endif
}

void add_cpu(Facts& facts) {
  const Device device = Device::cpu();
  const CpuProps& cpu = device.props().cpu;
  facts.emplace_back("cpu", device.props().name);
  facts.emplace_back("cpu_simd", cpu.simd);
  facts.emplace_back("cpu_processors",
                     std::to_string(usable_processors().size()) + " of " + std::to_string(cpu.cores));
  facts.emplace_back("cpu_caches_kib", std::to_string(cpu.l1d_bytes >> 10) + " " +
                                           std::to_string(cpu.l2_bytes >> 10) + " " +
                                           std::to_string(cpu.l3_bytes >> 10));
  // Virtual machines say nothing of their clocks.
  const std::string policy = "/sys/devices/system/cpu/cpu0/cpufreq/";
  for (const char* name : {"scaling_governor", "scaling_cur_freq", "cpuinfo_max_freq"}) {
    const std::string value = first_line((policy + name).c_str());
    if (!value.empty()) facts.emplace_back(std::string("cpu_") + name, value);
  }
  const std::string load = first_line("/proc/loadavg");
  if (!load.empty()) facts.emplace_back("load_before", load);
}

// Variables that libraries choose their kernels and threads by.
std::string environment() {
  std::string text;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    for (const char* prefix : {"OMP_", "GOMP_", "KMP_", "DNNL_", "ONEDNN_", "NVIDIA_TF32_", "CUDNN_"}) {
      if (std::strncmp(*variable, prefix, std::strlen(prefix)) != 0) continue;
      text += (text.empty() ? "" : " ") + std::string(*variable);
    }
  }
  return text;
}

}  // namespace

Facts machine_facts(const Backend& backend, const std::string& command) {
  const DeviceProps& props = backend.device().props();
  Facts facts;
  facts.emplace_back("date", now());
  facts.emplace_back("command", command);
  facts.emplace_back("version", std::to_string(RECUR_VERSION_MAJOR) + "." +
                                    std::to_string(RECUR_VERSION_MINOR) + "." +
                                    std::to_string(RECUR_VERSION_PATCH));
  facts.emplace_back("commit", kCommit);
  facts.emplace_back("source", kSource);
  facts.emplace_back("compiler", compiler());
  facts.emplace_back("device", props.name);
  add_cpu(facts);
  utsname system = {};
  if (uname(&system) == 0) facts.emplace_back("system", std::string(system.sysname) + " " + system.release);
  const std::string variables = environment();
  if (!variables.empty()) facts.emplace_back("environment", variables);
  if (props.kind == DeviceKind::cuda) {
    const Facts more = cuda_facts(props.cuda.ordinal);
    facts.insert(facts.end(), more.begin(), more.end());
  }
  return facts;
}

}  // namespace recur::perf
