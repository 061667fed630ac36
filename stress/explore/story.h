// story: one schedule as a person reads it.
#pragma once

#include <string>

#include "stress/explore/search.h"

namespace hvo::stress {

/// What happened in a schedule that was just replayed on this subject: who waits for whom if it is stuck, and what was
/// violated.
std::string story_text(Subject& subject, const Replayed& replayed, std::span<const Moment> moments);

}  // namespace hvo::stress
