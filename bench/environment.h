// What a measurement was made on: printed before it, written into the JSON.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "core/base/types.h"

namespace hvo::bench {

/// Name and value, in the order to print.
using Facts = std::vector<std::pair<std::string, std::string>>;

/// CPU, cores, SMT, caches, performance counters, governor, kernel, load, compiler, flags, sanitizer; "unknown" where
/// the host does not say.
Facts environment();

/// Why times of this build mean nothing, or empty.
std::string why_times_mean_nothing();

}  // namespace hvo::bench
