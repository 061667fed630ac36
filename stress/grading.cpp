#include "stress/grading.h"

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

u64 Outcomes::nr_forbidden() const {
  u64 n = 0;
  for (const Outcome& o : kOutcomes) {
    if (o.grade == Grade::forbidden) n += of(o.key);
  }
  return n;
}

Outcomes& Outcomes::operator+=(const Outcomes& other) {
  for (unsigned i = 0; i < kNrKeys; ++i) count[i] += other.count[i];
  for (unsigned i = 0; i < other.nr_first && nr_first < first.size(); ++i) first[nr_first++] = other.first[i];
  if (!other.fixed_by.empty()) fixed_by = other.fixed_by;
  return *this;
}

void grade_violations(const Design& design, ViolationLog& log, Outcomes& outcomes) {
  const u64 total = log.total();
  if (total == 0) return;
  u64 nr_known = 0;
  for (unsigned i = 0; i < log.nr_kept; ++i) {
    const Violation& v = log.first[i];
    const KnownHole* hole = nullptr;
    for (const KnownHole& h : design.holes) {
      if (h.rule == v.rule && h.op == v.op) hole = &h;
    }
    if (hole != nullptr) {
      outcomes.fixed_by = hole->fixed_by;
      ++nr_known;
    } else if (outcomes.nr_first < outcomes.first.size()) {
      outcomes.first[outcomes.nr_first++] = v;
    }
  }
  outcomes.count[static_cast<unsigned>(Key::known_violation)] += nr_known;
  outcomes.count[static_cast<unsigned>(Key::violation)] += total - nr_known;
  log = {};
}

}  // namespace hvo::stress
