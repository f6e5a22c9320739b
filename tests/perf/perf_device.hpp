/// @file
/// The device that the suite's test runs on: each executable links one.
#pragma once

#include <memory>

#include "perf/backend.hpp"

namespace recur::perf {

std::unique_ptr<Backend> test_backend();

}  // namespace recur::perf
