#include "perf/progress.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace recur::perf {

Progress::Progress(bool wanted)
    : enabled_(wanted && isatty(STDERR_FILENO) == 1 && isatty(STDOUT_FILENO) == 1) {}

void Progress::show(double part, const std::string& now) {
  if (!enabled_) return;
  constexpr int kWidth = 30;
  const auto filled = static_cast<std::size_t>(std::clamp(part, 0.0, 1.0) * kWidth);
  const std::string bar = std::string(filled, '#') + std::string(kWidth - filled, '.');
  std::fprintf(stderr, "\r[%s] %3.0f%% %s\033[K", bar.c_str(), 100 * std::clamp(part, 0.0, 1.0), now.c_str());
  drawn_ = true;
}

void Progress::clear() {
  if (drawn_) std::fputs("\r\033[K", stderr);
  drawn_ = false;
}

}  // namespace recur::perf
