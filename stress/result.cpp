#include "stress/result.h"

namespace hvo::stress {

void RunResult::add(const Outcomes& round_outcomes, u64 round) {
  for (unsigned i = 0; i < round_outcomes.nr_first && findings.size() < kMostFindings; ++i) {
    findings.push_back({round_outcomes.first[i], round});
  }
  if (round_outcomes.nr_forbidden() != 0 && !first_bad_round) first_bad_round = round;
  outcomes += round_outcomes;
}

}  // namespace hvo::stress
