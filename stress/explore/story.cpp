#include "stress/explore/story.h"

#include <fmt/format.h>

#include "stress/report/outcomes.h"

namespace hvo::stress {

std::string story_text(Subject& /*subject*/, const Replayed& replayed, std::span<const Moment> /*moments*/) {
  std::string s;
  for (const Violation& v : replayed.violations) s += violation_text(v);
  return s;
}

}  // namespace hvo::stress
