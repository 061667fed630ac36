// outcomes: graded outcomes and violations in words, as every report shows them.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "stress/grading.h"

namespace hvo::stress {

/// `colour`: grades in ANSI colours.
std::string outcomes_text(const Design& design, const Outcomes& outcomes, bool colour);
/// The design's known holes, and how often each was met.
nlohmann::ordered_json known_holes_json(const Design& design, const Outcomes& outcomes);
/// `text` in the colour of the grade, if `colour`.
std::string painted(Grade grade, const std::string& text, bool colour);
/// What broke, in words.
std::string violation_text(const Violation& violation);
/// Words of `text` in lines of at most `width` columns, each after `indent` blanks.
std::string wrapped(std::string_view text, std::size_t indent, std::size_t width = 72);

}  // namespace hvo::stress
