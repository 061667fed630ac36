// KTAP and JUnit: the same cases in two dresses.
#include <fmt/format.h>

#include <vector>

#include "stress/report/machine_readable.h"
#include "stress/verdict.h"

namespace hvo::stress {

namespace {

struct Case {
  std::string name;
  bool is_ok = true;
  bool is_skipped = false;
  std::string detail;
};

std::vector<Case> cases_of(const RunOptions& o, const RunResult& r) {
  std::vector<Case> cases;
  cases.push_back({.name = "no CPU hangs", .is_ok = !r.is_hung, .detail = verdict_line(o, r)});
  for (const Outcome& outcome : kOutcomes) {
    if (outcome.grade != Grade::forbidden) continue;
    const u64 n = r.outcomes.of(outcome.key);
    cases.push_back({.name = fmt::format("outcome {} never occurs", outcome.name),
                     .is_ok = n == 0,
                     .detail = fmt::format("{} times: {}", n, outcome.why)});
  }
  for (const Window& w : o.scenario->windows) {
    const WindowState state = window_state(o, r, w);
    cases.push_back({.name = fmt::format("window {} is hit", kEventNames[static_cast<unsigned>(w.event)]),
                     .is_ok = state != WindowState::missed,
                     .is_skipped = state == WindowState::not_asked,
                     .detail = fmt::format("{} hits", r.events[w.event])});
  }
  return cases;
}

std::string escaped(std::string_view text) {
  std::string s;
  for (const char c : text) {
    switch (c) {
      case '&': s += "&amp;"; break;
      case '<': s += "&lt;"; break;
      case '>': s += "&gt;"; break;
      case '"': s += "&quot;"; break;
      default: s += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
  }
  return s;
}

}  // namespace

std::string ktap_text(const RunOptions& o, const RunResult& r) {
  const std::vector<Case> cases = cases_of(o, r);
  std::string s =
      fmt::format("KTAP version 1\n1..1\n  KTAP version 1\n  # Subtest: {} on {}\n  # seed {}\n  # {}\n  1..{}\n",
                  o.scenario->name, o.machine.design->name, o.seed, command_of(o), cases.size());
  bool all_ok = true;
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const Case& c = cases[i];
    all_ok = all_ok && c.is_ok;
    if (!c.is_ok) s += fmt::format("  # {}\n", c.detail);
    s += fmt::format("  {} {} {}{}\n", c.is_ok ? "ok" : "not ok", i + 1, c.name,
                     c.is_skipped ? " # SKIP this design can't open it" : "");
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
    if (!c.is_ok) body += fmt::format("<failure message=\"{}\"/>", escaped(c.detail));
    if (c.is_skipped) body += "<skipped/>";
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
