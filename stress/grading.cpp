#include "stress/grading.h"

#include <algorithm>

namespace hvo::stress {

std::string_view grade_name(Grade grade) {
  switch (grade) {
    case Grade::acceptable: return "ACCEPTABLE";
    case Grade::interesting: return "INTERESTING";
    case Grade::known_hole: return "KNOWN-HOLE";
    case Grade::forbidden: return "FORBIDDEN";
  }
  return "?";
}

u64 Outcomes::nr_of(Grade grade) const {
  u64 n = 0;
  for (const Outcome& o : kOutcomes) {
    if (o.grade == grade) n += of(o.key);
  }
  return n;
}

void Outcomes::keep(const Violation& v) {
  const auto end = first.begin() + nr_first;
  const bool is_known = std::any_of(
      first.begin(), end, [&v](const Violation& w) { return w.rule == v.rule && w.op == v.op && w.what == v.what; });
  if (!is_known && nr_first < first.size()) first[nr_first++] = v;
}

Outcomes& Outcomes::operator+=(const Outcomes& other) {
  for (unsigned i = 0; i < kNrKeys; ++i) count[i] += other.count[i];
  for (unsigned i = 0; i < other.nr_first; ++i) keep(other.first[i]);
  for (std::size_t i = 0; i < kMostHoles; ++i) holes[i] += other.holes[i];
  return *this;
}

void grade_violations(const Design& design, ViolationLog& log, Outcomes& outcomes) {
  if (log.nr_kept == 0) return;
  const u64 total = log.total();
  u64 nr_known = 0;
  for (unsigned i = 0; i < log.nr_kept; ++i) {
    const Violation& v = log.first[i];
    const auto hole =
        std::ranges::find_if(design.holes, [&v](const KnownHole& h) { return h.rule == v.rule && h.op == v.op; });
    if (hole != design.holes.end()) {
      outcomes.holes[static_cast<std::size_t>(hole - design.holes.begin())] += log.times[i];
      nr_known += log.times[i];
    } else {
      outcomes.keep(v);
    }
  }
  outcomes.count[static_cast<unsigned>(Key::known_violation)] += nr_known;
  outcomes.count[static_cast<unsigned>(Key::violation)] += total - nr_known;
  log = {};
}

}  // namespace hvo::stress
