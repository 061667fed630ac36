// report: the block at the end of a run, its exit code, and the same as JSON.
#pragma once

#include <cstdio>

#include "stress/parallel/engine.h"

namespace hvo::stress {

/// 0 pass, 1 forbidden, 7 vacuous.
int exit_code(const RunOptions& options, const RunResult& result);
void print_report(std::FILE* out, const RunOptions& options, const RunResult& result);
/// False when the file could not be written.
bool write_json(std::FILE* out, const RunOptions& options, const RunResult& result);

}  // namespace hvo::stress
