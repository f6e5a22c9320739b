// Stands for oneDNN in a build without it.
#include "host/engine.hpp"
#include "host/onednn/availability.hpp"

namespace recur::host {

std::span<const Engine* const> onednn_engines() { return {}; }

namespace onednn {

bool is_loaded() { return false; }
bool has_implementation(const Job&) { return false; }

}  // namespace onednn
}  // namespace recur::host
