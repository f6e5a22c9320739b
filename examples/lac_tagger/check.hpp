// Judges a tagger's emission scores by the oracle: the same network in fp64, written from the equations.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "lac.hpp"

namespace lac {

// Largest differences from the fp64 oracle over everything checked so far.
class Check {
 public:
  // The model must outlive this.
  Check(const LacModel& model, int threads) : model_(model), threads_(threads) {}

  // Results must have their emissions.
  void add(std::span<const std::string_view> sentences, std::span<const TaggedSentence> results);

  std::size_t values() const { return worst_.values; }
  double largest_difference() const { return worst_.tagger; }
  // Of the same network in plain fp32, sum after sum: how well this precision can be expected to do.
  double naive_difference() const { return worst_.naive; }
  // True unless there are enough values to judge and the tagger errs by more than twice what the plain
  // computation does (docs/design.md, "How right is right").
  bool passes() const;

 private:
  struct Worst {
    std::size_t values = 0;
    double tagger = 0;
    double naive = 0;
    double magnitude = 0;
    void merge(const Worst& other);
  };
  Worst measure(std::span<const std::string_view> sentences, std::span<const TaggedSentence> results,
                std::size_t first, std::size_t stride) const;

  const LacModel& model_;
  int threads_;
  Worst worst_;
};

}  // namespace lac
