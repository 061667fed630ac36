// text: the block at the end of a run, in 72 columns.
#pragma once

#include <string>

#include "stress/report/outcomes.h"
#include "stress/result.h"
#include "stress/run_options.h"

namespace hvo::stress {

/// `colour`: grades and the verdict in ANSI colours.
std::string report_text(const RunOptions& options, const RunResult& result, bool colour);

}  // namespace hvo::stress
