// Results of an exploration's speed, as text and as JSON.
#pragma once

#include <string>

#include "bench/environment.h"
#include "bench/exploration/exploration.h"

namespace hvo::bench {

/// In 72 columns. `judges`: false when too little was run to say whether a goal is met.
std::string exploration_text(const Exploration& all, bool judges);

/// {"environment", "scenario", "rounds", "drives": [{strategy, memory, schedules, samples, schedules_per_second,
/// steps_per_second}]}; a rate is {cpu, wall, goal, met}, cpu and wall being {lower, median, upper}; null where there
/// is none.
std::string exploration_json(const Exploration& all, const Facts& facts, bool judges);

}  // namespace hvo::bench
