#include "stress/verdict.h"

#include <fmt/format.h>

namespace hvo::stress {

bool never_met(const RunResult& result) { return result.nr_rounds != 0 && result.nr_rounds_apart == result.nr_rounds; }

WindowState window_state(const RunOptions& options, const RunResult& result, const Window& window) {
  if (!shows(options.machine.mmu, window.event)) return WindowState::not_asked;
  if (result.events[window.event] != 0) return WindowState::hit;
  return is_asked(window, options.machine) ? WindowState::missed : WindowState::not_asked;
}

u64 nr_windows(const RunOptions& options, const RunResult& result, WindowState state) {
  u64 n = 0;
  for (const Window& w : options.scenario->windows) n += window_state(options, result, w) == state ? 1 : 0;
  return n;
}

/// The scenario has windows, and none that this design and machine could open.
bool is_pointless(const RunOptions& options, const RunResult& result) {
  const auto& windows = options.scenario->windows;
  return !windows.empty() && nr_windows(options, result, WindowState::not_asked) == windows.size();
}

Verdict verdict_of(const RunOptions& options, const RunResult& result) {
  if (result.is_hung) return Verdict::hang;
  if (result.outcomes.nr_forbidden() != 0) return Verdict::violation;
  const bool missed = nr_windows(options, result, WindowState::missed) != 0;
  return missed || never_met(result) || is_pointless(options, result) ? Verdict::vacuous : Verdict::pass;
}

std::string_view verdict_name(Verdict verdict) {
  switch (verdict) {
    case Verdict::pass: return "pass";
    case Verdict::violation: return "violation";
    case Verdict::hang: return "hang";
    case Verdict::vacuous: return "vacuous";
  }
  return "?";
}

int exit_code(Verdict verdict) {
  switch (verdict) {
    case Verdict::pass: return kPass;
    case Verdict::violation: return kViolation;
    case Verdict::hang: return kHang;
    case Verdict::vacuous: return kVacuous;
  }
  return kCrash;
}

std::string verdict_line(const RunOptions& options, const RunResult& result) {
  const u64 hit = nr_windows(options, result, WindowState::hit);
  const u64 missed = nr_windows(options, result, WindowState::missed);
  const u64 forbidden = result.outcomes.nr_forbidden();
  const char* const end = result.is_interrupted ? " (interrupted)" : "";
  switch (verdict_of(options, result)) {
    case Verdict::pass:
      return fmt::format("PASS: nothing forbidden in {} operations, {} of {} windows hit{}", result.nr_ops, hit,
                         hit + missed, end);
    case Verdict::violation:
      return fmt::format("VIOLATION: {} forbidden outcome{}{}", forbidden, forbidden == 1 ? "" : "s", end);
    case Verdict::hang:
      return fmt::format("HANG: a CPU has not got on for {} s; {} forbidden outcomes before", options.hang_timeout,
                         forbidden);
    case Verdict::vacuous: break;
  }
  if (never_met(result)) return fmt::format("VACUOUS: in no round did the CPUs start together{}", end);
  if (is_pointless(options, result)) {
    return fmt::format("VACUOUS: {} tests nothing that {} does on this machine{}", options.scenario->name,
                       options.machine.design->name, end);
  }
  return fmt::format("VACUOUS: nothing forbidden, but {} of {} windows missed{}", missed, hit + missed, end);
}

}  // namespace hvo::stress
