#include "stress/parallel/live.h"

namespace hvo::stress {

void LiveCpu::publish(const EventCounts& counts, const Outcomes& outcomes) {
  nr_lookups.store(counts[Event::lookup], kRelaxed);
  interesting.store(outcomes.nr_of(Grade::interesting), kRelaxed);
  known_hole.store(outcomes.nr_of(Grade::known_hole), kRelaxed);
  forbidden.store(outcomes.nr_of(Grade::forbidden), kRelaxed);
}

}  // namespace hvo::stress
