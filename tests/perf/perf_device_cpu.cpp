#include "tests/perf/perf_device.hpp"

namespace recur::perf {

std::unique_ptr<Backend> test_backend() { return make_cpu_backend(); }

}  // namespace recur::perf
