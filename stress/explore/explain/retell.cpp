#include "stress/explore/explain/retell.h"

#include <fmt/format.h>

#include <algorithm>

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

std::string outcome_words(const Design& design, const Replayed& r) {
  std::string s;
  for (const Violation& v : r.violations) {
    s += violation_text(v);
    const auto hole =
        std::ranges::find_if(design.holes, [&v](const KnownHole& h) { return h.rule == v.rule && h.op == v.op; });
    if (hole == design.holes.end()) continue;
    s += wrapped(fmt::format("A known hole of {}: {}; {}", design.name, hole->why,
                             hole->fixed_by == kOpen ? "open" : fmt::format("fixed by: {}", hole->fixed_by)),
                 4);
  }
  if (!r.violations.empty()) return s;
  for (const Outcome& o : kOutcomes) {
    if (o.grade == Grade::acceptable || r.outcomes.of(o.key) == 0) continue;
    s += fmt::format("{}, {}\n", o.name, grade_name(o.grade)) + wrapped(o.why, 4);
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
    told.words = stuck_text(subject, options, replayed, ObjectNames(now, moments));
  }
  told.words += outcome_words(subject.machine().design(), replayed);
  subject.restart(variant);
  told.story = tell(subject.machine(), moments, culprits_in(subject.machine(), replayed, moments));
  return told;
}

std::string told_text(const Told& told, bool colour) {
  return step_table(told.story, {.colour = colour}) + "\n" + told.words;
}

}  // namespace hvo::stress
