// A progress bar on standard error.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace lac {

// Draws only where someone can see it and nothing else is drawn there: standard error is a terminal, standard
// output is not. Short runs show none.
class Progress {
 public:
  // total_bytes: size of the input, 0 where it is not known.
  Progress(bool wanted, std::uintmax_t total_bytes);
  ~Progress() { clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void show(std::uintmax_t bytes, std::int64_t sentences);
  void clear();

 private:
  using Clock = std::chrono::steady_clock;

  bool enabled_;
  bool drawn_ = false;
  std::uintmax_t total_bytes_;
  Clock::time_point start_ = Clock::now();
  Clock::time_point next_;
};

}  // namespace lac
