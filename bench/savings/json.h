// Savings as JSON.
#pragma once

#include <string>

#include "bench/environment.h"
#include "bench/savings/results.h"

namespace hvo::bench::savings {

/// {"environment", "memory_bytes", "hugepage_bytes", "hugepages", "rounds", "interrupted", "designs": [{name, …}],
/// "claim": null or {from, to, …}}. Bytes, frames, seconds.
std::string to_json(const Results& results, const Facts& facts, const std::string& command);

}  // namespace hvo::bench::savings
