// Checks of a Spec, Shape and Options that hold for every engine.
#pragma once

#include "host/engine.hpp"

namespace recur::host {

// Most layers of a stack; far above any published model, and it bounds what a call checks without allocating.
constexpr std::int64_t kMaxLayers = 64;

// Throws InvalidArgument for what can never work, naming the field.
void validate_job(const Job& job);

// The same for a Spec alone, and for a layer that it does not have.
void validate_layer(const Spec& spec, std::int64_t layer);

}  // namespace recur::host
