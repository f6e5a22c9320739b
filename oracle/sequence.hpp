/// @file
/// Which steps one sequence visits, in which order, and where its state starts afresh.
#pragma once

#include <algorithm>

#include "oracle/problem.hpp"

namespace recur::oracle {

/// Sequence b of a problem as one direction of a layer reads it.
class Sequence {
 public:
  template <class Real>
  Sequence(const Problem<Real>& problem, Index batch_index, bool reverse)
      : mask_(problem.reset_mask.empty() ? nullptr : problem.reset_mask.data() + batch_index),
        batch_(problem.B),
        length_(problem.T),
        reverse_(reverse) {
    if (!problem.lengths.empty()) {
      length_ = std::clamp<Index>(problem.lengths[static_cast<std::size_t>(batch_index)], 0, problem.T);
    }
  }

  /// Valid steps.
  Index length() const { return length_; }

  /// Time of the n-th step that is processed.
  Index time(Index n) const { return reverse_ ? length_ - 1 - n : n; }

  /// True when the state is cleared before the step at time t. A mark at t starts an episode at t: reading
  /// forward, t is the first step of that episode; reading in reverse, t + 1 being marked means that t is the
  /// first step read of the episode before it. Marks past the end do not count.
  bool starts_afresh(Index t) const {
    const Index mark = reverse_ ? t + 1 : t;
    return mask_ != nullptr && mark < length_ && mask_[mark * batch_] != 0;
  }

 private:
  const std::uint8_t* mask_;
  Index batch_;
  Index length_;
  bool reverse_;
};

/// Direction d of a layer reads in reverse.
inline bool reads_in_reverse(const Spec& spec, Index d) {
  return spec.direction == Direction::reverse || (spec.direction == Direction::bidirectional && d == 1);
}

}  // namespace recur::oracle
