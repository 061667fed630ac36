#include "stress/parallel/live.h"

namespace hvo::stress {

void LiveCpu::publish(const EventCounts& counts, const Outcomes& outcomes) {
  nr_lookups.store(counts[Event::lookup], kUnordered);
  interesting.store(outcomes.nr_of(Grade::interesting), kUnordered);
  known_hole.store(outcomes.nr_of(Grade::known_hole), kUnordered);
  forbidden.store(outcomes.nr_of(Grade::forbidden), kUnordered);
}

}  // namespace hvo::stress
