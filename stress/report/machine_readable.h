// machine_readable: a result for programs: JSON, KTAP, JUnit XML. Each is the whole content of its file.
#pragma once

#include <string>

#include "stress/result.h"
#include "stress/run_options.h"

namespace hvo::stress {

/// Configuration, environment, commit, seed, outcomes, windows, counters, actors, violations, verdict, exit code, and
/// the command that repeats it.
std::string json_text(const RunOptions& options, const RunResult& result);
/// KTAP version 1, one subtest with a case per outcome (only forbidden ones can fail), per window, for the start and
/// the end: all are ok exactly when the exit code is 0.
std::string ktap_text(const RunOptions& options, const RunResult& result);
/// The same cases as JUnit XML.
std::string junit_text(const RunOptions& options, const RunResult& result);
/// What this version knows: scenarios, designs, geometries, safeguards. JSON.
std::string list_json();

}  // namespace hvo::stress
