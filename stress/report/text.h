// text: the block at the end of a run, in 72 columns.
#pragma once

#include <string>

#include "stress/result.h"
#include "stress/run_options.h"

namespace hvo::stress {

/// `colour`: grades and the verdict in ANSI colours.
std::string report_text(const RunOptions& options, const RunResult& result, bool colour);
/// Words of `text` in lines of at most `width` columns, each after `indent` blanks.
std::string wrapped(std::string_view text, std::size_t indent, std::size_t width = 72);
/// What broke, in words.
std::string violation_text(const Violation& violation);

}  // namespace hvo::stress
