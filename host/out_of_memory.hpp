// Turns a failed allocation of ours into the library's own error.
#pragma once

#include <new>
#include <string>
#include <string_view>
#include <utility>

#include "recur/error.hpp"

namespace recur::host {

// Calls f(); `what` names the work in the message.
template <class F>
decltype(auto) with_memory(std::string_view what, F&& f) {
  try {
    return std::forward<F>(f)();
  } catch (const std::bad_alloc&) {
    throw OutOfMemory(std::string(what) + ": no memory");
  }
}

}  // namespace recur::host
