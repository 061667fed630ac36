#include "stress/report/outcomes.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "stress/report/costs.h"

namespace hvo::stress {

namespace {

constexpr std::string_view kReset = "\033[0m";

std::string_view colour_of(Grade grade) {
  switch (grade) {
    case Grade::acceptable: return "\033[32m";
    case Grade::interesting: return "\033[36m";
    case Grade::known_hole: return "\033[33m";
    case Grade::forbidden: return "\033[1;31m";
  }
  return "";
}

}  // namespace

nlohmann::ordered_json known_holes_json(const Design& design, const Outcomes& outcomes) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (std::size_t i = 0; i < design.holes.size(); ++i) {
    const KnownHole& hole = design.holes[i];
    list.push_back({{"rule", rule_name(hole.rule)},
                    {"operation", op_name(hole.op)},
                    {"fixed_by", hole.fixed_by},
                    {"why", hole.why},
                    {"count", outcomes.holes[i]}});
  }
  return list;
}

std::string painted(Grade grade, const std::string& text, bool colour) {
  return colour ? fmt::format("{}{}{}", colour_of(grade), text, kReset) : text;
}

std::string wrapped(std::string_view text, std::size_t indent, std::size_t width) {
  std::string s;
  std::string line;
  while (!text.empty()) {
    const std::size_t blank = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, blank);
    if (!line.empty() && indent + line.size() + 1 + word.size() > width) {
      s += std::string(indent, ' ') + line + "\n";
      line.clear();
    }
    line += (line.empty() ? "" : " ") + std::string(word);
    text.remove_prefix(std::min(blank + 1, text.size()));
  }
  return s + std::string(indent, ' ') + line + "\n";
}

std::string violation_text(const Violation& v) {
  std::string s = fmt::format("{}\n    in {} on CPU {}\n", rule_name(v.rule), op_name(v.op), v.cpu);
  s += wrapped(rule_meaning(v.rule), 4);
  s += wrapped(fmt::format("Seen: {}.", v.what), 4);
  return s + wrapped(fmt::format("object {:#x}, expected {:#x}, seen {:#x}", v.object, v.expected, v.seen), 4);
}

std::string outcomes_text(const Design& design, const Outcomes& outcomes, bool colour) {
  std::string s = "\noutcomes\n";
  for (const Outcome& o : kOutcomes) {
    const u64 n = outcomes.of(o.key);
    if (n == 0) continue;
    s += fmt::format("{:>12}  {}  {}\n", n, painted(o.grade, fmt::format("{:<11}", grade_name(o.grade)), colour),
                     o.name);
    s += wrapped(o.why, 14);
  }
  const auto holes = design.holes;
  for (std::size_t i = 0; i < holes.size(); ++i) {
    if (outcomes.holes[i] == 0) continue;
    s += fmt::format("{:>12}  of these: {}\n", outcomes.holes[i], op_name(holes[i].op));
    s += wrapped(holes[i].fixed_by == kOpen ? fmt::format("{}; fix: open", holes[i].why)
                                            : fmt::format("{}; fixed by: {}", holes[i].why, holes[i].fixed_by),
                 14);
  }
  return s;
}

}  // namespace hvo::stress
