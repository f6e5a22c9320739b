// A progress bar on standard error, drawn where someone can see it and nothing else is drawn.
#pragma once

#include <cstddef>
#include <string>

namespace recur::perf {

class Progress {
 public:
  explicit Progress(bool wanted);
  ~Progress() { clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // `part` of the whole is done, from 0 to 1, and `now` is what is being done.
  void show(double part, const std::string& now);
  void clear();

 private:
  bool enabled_;
  bool drawn_ = false;
};

}  // namespace recur::perf
