#include "stress/explore/explain/retell.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <span>

#include "stress/explore/explain/conclusion.h"
#include "stress/explore/explain/step_table.h"
#include "stress/explore/explain/stuck.h"
#include "stress/report/outcomes.h"

namespace hvo::stress {

namespace {

/// The CPU that was the last to look up a head; 0 if none did.
u32 last_lookup(const std::vector<Moment>& moments) {
  const auto found =
      std::ranges::find_if(moments.rbegin(), moments.rend(), [](const Moment& m) { return m.op == Op::compound_head; });
  return found == moments.rend() ? 0 : found->cpu;
}

Culprits culprits_in(Machine& machine, const Replayed& r, const std::vector<Moment>& moments) {
  if (!r.violations.empty()) return culprits_of(r.violations.front(), machine, moments);
  if (r.end == End::deadlock || r.end == End::endless) return culprits_of_deadlock(moments);
  return culprits_of_reads(machine, moments, last_lookup(moments), Op::compound_head);
}

/// What was found when all CPUs were done, each in a line or two.
std::string words_of(std::span<const Violation> found) {
  std::string s;
  for (const Violation& v : found) {
    s += wrapped(fmt::format("{}: {}: about {:#x}, expected {:#x}, seen {:#x}", rule_name(v.rule), v.what, v.object,
                             v.expected, v.seen),
                 4);
  }
  return s;
}

/// Of outcomes that no detector has reported.
std::string outcome_words(const Replayed& r) {
  std::string s;
  if (!r.violations.empty()) return s;
  for (const Outcome& o : kOutcomes) {
    if (o.grade == Grade::acceptable || r.outcomes.of(o.key) == 0) continue;
    s += fmt::format("{}, {}\n", o.name, grade_name(o.grade)) + wrapped(o.why, 4);
  }
  s += words_of(r.recount);
  std::vector<Violation> late(r.outcomes.first.begin(), r.outcomes.first.begin() + r.outcomes.nr_first);
  std::erase_if(late, [&r](const Violation& v) {
    return std::ranges::any_of(r.recount, [&v](const Violation& w) { return w.rule == v.rule && w.what == v.what; });
  });
  if (!late.empty()) {
    s += "seen behind the last row, when all CPUs were done and everything was given back:\n" + words_of(late);
  }
  return s;
}

}  // namespace

Told retell(Subject& subject, const EngineOptions& options, u64 variant, const Replayed& replayed,
            const std::vector<Moment>& moments) {
  Told told;
  const bool is_stuck = replayed.end == End::deadlock || replayed.end == End::endless;
  if (is_stuck) {
    const PastMemory now(subject.machine());
    told.words = stuck_text(subject, options, replayed, moments, ObjectNames(now, moments));
  }
  told.words += outcome_words(replayed);
  subject.restart(variant);
  told.culprits = culprits_in(subject.machine(), replayed, moments);
  told.story = tell(subject.machine(), moments, told.culprits);
  if (!replayed.violations.empty()) {
    told.words += conclusion_text(conclusion_of(replayed.violations.front(), subject.machine(), moments));
  }
  return told;
}

std::string told_text(const Told& told, bool colour) {
  return step_table(told.story, {.colour = colour}) + "\n" + told.words;
}

nlohmann::ordered_json told_json(const Told& told) {
  return {{"words", told.words}, {"text", told_text(told, false)}, {"rows", step_table_json(told.story)}};
}

}  // namespace hvo::stress
