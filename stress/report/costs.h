// costs: what the counters of a run mean, side by side.
#pragma once

#include <optional>
#include <string_view>

#include "stress/result.h"

namespace hvo::stress {

/// A counter set against what causes it.
struct Ratio {
  double value = 0;
  std::string_view per;  ///< "folio": one optimised or restored
};
/// Nothing when the counter stands for itself, or its cause never occurred.
std::optional<Ratio> ratio_of(const RunResult& result, Event event);

/// What a detector watches over, as a sentence about what was seen.
std::string_view rule_meaning(Rule rule);

}  // namespace hvo::stress
