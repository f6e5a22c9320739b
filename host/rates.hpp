// Reading the rates of a machine.
#pragma once

#include "recur/rates.hpp"

namespace recur::host {

// The smallest level that holds so many bytes, else the last.
const MemoryLevel& level_for(const Rates& rates, double bytes);

// Throws InvalidArgument for rates that no machine has, naming the field.
void validate_rates(const Rates& rates);

}  // namespace recur::host
