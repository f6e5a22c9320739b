// What the table of refusals asks of oneDNN, in a build with it or without (none.cpp).
#pragma once

#include "host/engine.hpp"

namespace recur::host::onednn {

// Whether the process can have the library: loads it.
bool is_loaded();
// Whether oneDNN has an implementation of all layers of the job for this machine, the only one that it makes
// primitives for. Ask only where the library is available.
bool has_implementation(const Job& job);

}  // namespace recur::host::onednn
