// The parallel engine: rounds on host threads until a limit is reached, with a watchdog.
#pragma once

#include <expected>
#include <string>

#include "stress/parallel/status_line.h"
#include "stress/result.h"
#include "stress/run_options.h"

namespace hvo::stress {

/// Runs `options`; ends early when is_interrupted() (program/signals.h). Error: a machine can't be made, one line.
///
/// A CPU that hangs ends the run with `is_hung`: what every CPU does is printed on stderr, and the stuck threads, with
/// all that they use, stay. The caller reports and ends the process by _exit.
std::expected<RunResult, std::string> run(const RunOptions& options, StatusLine& status);

}  // namespace hvo::stress
