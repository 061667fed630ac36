// retell: one schedule as a person reads it: the steps that matter, and in words what came of them.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "stress/explore/explain/story.h"
#include "stress/explore/search/search.h"

namespace hvo::stress {

/// A schedule that was replayed, and what there is to tell.
struct Told {
  Culprits culprits;
  Story story;
  std::string words;  ///< what was expected, what was seen, which rule it breaks; or who waits for whom
};

/// `moments`: of this replay. The subject is put back to where the schedule began.
Told retell(Subject& subject, const EngineOptions& options, u64 variant, const Replayed& replayed,
            const std::vector<Moment>& moments);
/// In at most 100 columns.
std::string told_text(const Told& told, bool colour);
/// {"words": …, "text": …, "rows": […]}.
nlohmann::ordered_json told_json(const Told& told);

}  // namespace hvo::stress
