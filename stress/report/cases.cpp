// KTAP and JUnit: the same cases in two dresses.
#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "stress/report/machine_readable.h"
#include "stress/verdict.h"

namespace hvo::stress {

namespace {

struct Case {
  std::string name;
  std::string seen;  ///< what there was of it, in words
  bool is_ok = true;
  bool is_skipped = false;
};

/// All are ok exactly when the verdict is pass.
std::vector<Case> cases_of(const RunOptions& o, const RunResult& r) {
  std::vector<Case> cases;
  cases.push_back({.name = "no CPU hangs", .seen = r.is_hung ? verdict_line(o, r) : "none", .is_ok = !r.is_hung});
  cases.push_back({.name = "CPUs start together",
                   .seen = fmt::format("in {} of {} rounds", r.nr_rounds - r.nr_rounds_apart, r.nr_rounds),
                   .is_ok = !never_met(r)});
  for (const Outcome& outcome : kOutcomes) {
    const u64 n = r.outcomes.of(outcome.key);
    const bool is_forbidden = outcome.grade == Grade::forbidden;
    cases.push_back({.name = fmt::format("outcome {}{}", outcome.name, is_forbidden ? " never occurs" : ""),
                     .seen = fmt::format("{} times, {}: {}", n, grade_name(outcome.grade), outcome.why),
                     .is_ok = !is_forbidden || n == 0});
  }
  for (const Window& w : o.scenario->windows) {
    const WindowState state = window_state(o, r, w);
    const bool is_skipped = state == WindowState::not_asked;
    cases.push_back(
        {.name = fmt::format("window {} is hit", kEventNames[static_cast<unsigned>(w.event)]),
         .seen = is_skipped ? "this design and machine can't open it" : fmt::format("{} hits", r.events[w.event]),
         .is_ok = state != WindowState::missed,
         .is_skipped = is_skipped});
  }
  return cases;
}

/// As text or attribute of XML 1.0 in UTF-8: what it can't hold becomes '?'.
std::string escaped(std::string_view text) {
  std::string s;
  for (const char c : text) {
    switch (c) {
      case '&': s += "&amp;"; break;
      case '<': s += "&lt;"; break;
      case '>': s += "&gt;"; break;
      case '"': s += "&quot;"; break;
      default: s += c >= 0x20 && c < 0x7f ? c : '?';
    }
  }
  return s;
}

std::string one_line(std::string text) {
  std::ranges::replace(text, '\n', ' ');
  return text;
}

}  // namespace

std::string ktap_text(const RunOptions& o, const RunResult& r) {
  const std::vector<Case> cases = cases_of(o, r);
  std::string s =
      fmt::format("KTAP version 1\n1..1\n  KTAP version 1\n  # Subtest: {} on {}\n  # seed {}\n  # {}\n  1..{}\n",
                  o.scenario->name, o.machine.design->name, o.seed, one_line(command_of(o)), cases.size());
  bool all_ok = true;
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const Case& c = cases[i];
    all_ok = all_ok && c.is_ok;
    s += fmt::format("  {} {} {} # {}{}\n", c.is_ok ? "ok" : "not ok", i + 1, c.name, c.is_skipped ? "SKIP " : "",
                     c.seen);
  }
  return s + fmt::format("{} 1 {} on {}\n", all_ok ? "ok" : "not ok", o.scenario->name, o.machine.design->name);
}

std::string junit_text(const RunOptions& o, const RunResult& r) {
  const std::vector<Case> cases = cases_of(o, r);
  std::size_t nr_failed = 0;
  std::size_t nr_skipped = 0;
  std::string body;
  const std::string suite = fmt::format("{} on {}", o.scenario->name, o.machine.design->name);
  for (const Case& c : cases) {
    nr_failed += c.is_ok ? 0 : 1;
    nr_skipped += c.is_skipped ? 1 : 0;
    body += fmt::format("    <testcase classname=\"{}\" name=\"{}\">", escaped(suite), escaped(c.name));
    const std::string_view result = !c.is_ok ? "failure" : c.is_skipped ? "skipped" : "";
    body += result.empty() ? fmt::format("<system-out>{}</system-out>", escaped(c.seen))
                           : fmt::format("<{} message=\"{}\"/>", result, escaped(c.seen));
    body += "</testcase>\n";
  }
  return fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n"
      "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"0\" skipped=\"{}\" time=\"{:.3f}\">\n"
      "    <properties><property name=\"seed\" value=\"{}\"/><property name=\"command\" value=\"{}\"/></properties>\n"
      "{}  </testsuite>\n</testsuites>\n",
      escaped(suite), cases.size(), nr_failed, nr_skipped, r.seconds, o.seed, escaped(command_of(o)), body);
}

}  // namespace hvo::stress
