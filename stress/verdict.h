// verdict: what a run's result means, and its exit code.
#pragma once

#include <string>

#include "program/exit_codes.h"
#include "stress/result.h"
#include "stress/run_options.h"

namespace hvo::stress {

enum class Verdict : u8 {
  pass,
  violation,  ///< at least one forbidden outcome
  hang,
  vacuous,  ///< nothing forbidden, but a window was never hit, or the CPUs never started together
};
/// In no round did the CPUs start together: who never ran side by side raced with nobody.
bool never_met(const RunResult& result);
Verdict verdict_of(const RunOptions& options, const RunResult& result);
std::string_view verdict_name(Verdict verdict);
int exit_code(Verdict verdict);
/// One line, with the numbers behind it.
std::string verdict_line(const RunOptions& options, const RunResult& result);

enum class WindowState : u8 { hit, missed, not_asked };
WindowState window_state(const RunOptions& options, const RunResult& result, const Window& window);
/// How many windows of the scenario are in this state.
u64 nr_windows(const RunOptions& options, const RunResult& result, WindowState state);

}  // namespace hvo::stress
