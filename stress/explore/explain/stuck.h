// stuck: why a schedule came to no end: a deadlock, a wake-up that never comes, or a retry without end.
#pragma once

#include <string>

#include "stress/explore/explain/object_names.h"
#include "stress/explore/search/search.h"

namespace hvo::stress {

/// Lines for the user: what it is, then a line per CPU.
/// `moments`: of this schedule.
std::string stuck_text(const Subject& subject, const EngineOptions& options, const Replayed& replayed,
                       const std::vector<Moment>& moments, const ObjectNames& names);

}  // namespace hvo::stress
