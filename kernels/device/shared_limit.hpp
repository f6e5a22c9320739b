// How much dynamic shared memory a kernel may ask for is an attribute of the kernel on a device, for all
// threads of the process. A launch that set it to its own need would take it from another thread between that
// thread's setting and its launch. So it is set once, to the most that the device has.
#pragma once

#include <algorithm>
#include <mutex>
#include <utility>
#include <vector>

namespace recur::device {

class SharedLimits {
 public:
  // Whether the kernel has its limit on the device. Calls `raise`, which says whether it could, for the first
  // launch of each, and again after a failure.
  template <class Raise>
  bool allow(const void* kernel, int device, Raise&& raise) {
    const std::lock_guard<std::mutex> lock(mutex_);
    const std::pair<const void*, int> wanted(kernel, device);
    if (std::find(allowed_.begin(), allowed_.end(), wanted) != allowed_.end()) return true;
    if (!raise()) return false;
    allowed_.push_back(wanted);
    return true;
  }

 private:
  std::mutex mutex_;
  std::vector<std::pair<const void*, int>> allowed_;
};

}  // namespace recur::device
