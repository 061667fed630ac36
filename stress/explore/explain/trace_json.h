// trace_json: a schedule as Chrome trace events, which ui.perfetto.dev and chrome://tracing show.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "stress/explore/explain/story.h"

namespace hvo::stress {

/// {"traceEvents": [...]}: a track per CPU; a slice per function, which is nested in another one when the CPU comes
/// back to that; an instant per row of the story; an arrow from each request to its answer. A step is a microsecond.
nlohmann::json trace_json(Machine& machine, const std::vector<Moment>& moments, const Story& story);

}  // namespace hvo::stress
