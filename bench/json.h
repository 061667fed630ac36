// Results as JSON.
#pragma once

#include <string>
#include <vector>

#include "bench/summary.h"
#include "bench/table.h"

namespace hvo::bench {

/// {"environment": …, "scale": …, "table": [{name, ns, operations}], "summary": {rounds, lookups, ratios}}; "summary"
/// is null when it was not measured. A spread is {lower, median, upper, samples}.
std::string to_json(const Facts& facts, const Scale& scale, const std::vector<TableRow>& table, const Summary* summary);

}  // namespace hvo::bench
