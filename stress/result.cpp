#include "stress/result.h"

namespace hvo::stress {

void RunResult::add(const Outcomes& round_outcomes, u64 round) {
  const unsigned nr_before = outcomes.nr_first;
  if (round_outcomes.nr_forbidden() != 0 && !first_bad_round) first_bad_round = round;
  outcomes += round_outcomes;
  for (unsigned i = nr_before; i < outcomes.nr_first; ++i) findings.push_back({outcomes.first[i], round});
}

}  // namespace hvo::stress
