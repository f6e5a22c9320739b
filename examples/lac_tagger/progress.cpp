#include "progress.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace lac {
namespace {

constexpr auto kDelay = std::chrono::milliseconds(500);   // before the first drawing
constexpr auto kPeriod = std::chrono::milliseconds(100);  // between two
constexpr int kWidth = 30;                                // characters of the bar

}  // namespace

Progress::Progress(bool wanted, std::uintmax_t total_bytes)
    : enabled_(wanted && isatty(STDERR_FILENO) == 1 && isatty(STDOUT_FILENO) != 1),
      total_bytes_(total_bytes),
      next_(start_ + kDelay) {}

void Progress::show(std::uintmax_t bytes, std::int64_t sentences) {
  const Clock::time_point now = Clock::now();
  if (!enabled_ || now < next_) return;
  next_ = now + kPeriod;
  drawn_ = true;
  const double seconds = std::chrono::duration<double>(now - start_).count();
  const double rate = static_cast<double>(sentences) / seconds;
  if (total_bytes_ == 0) {
    std::fprintf(stderr, "\r%lld sentences, %.0f/s", static_cast<long long>(sentences), rate);
  } else {
    const double part = std::min(1.0, static_cast<double>(bytes) / static_cast<double>(total_bytes_));
    const auto filled = static_cast<std::size_t>(part * kWidth);
    const std::string bar = std::string(filled, '#') + std::string(kWidth - filled, '.');
    std::fprintf(stderr, "\r[%s] %3.0f%%, %lld sentences, %.0f/s", bar.c_str(), 100 * part,
                 static_cast<long long>(sentences), rate);
  }
  std::fputs("\033[K", stderr);  // rest of an older, longer line
}

void Progress::clear() {
  if (drawn_) std::fputs("\r\033[K", stderr);
  drawn_ = false;
}

}  // namespace lac
