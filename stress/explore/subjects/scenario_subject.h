// A scenario of the parallel engine as a subject of exploration: the same actors, a few operations each.
#pragma once

#include "stress/explore/subjects/subject.h"
#include "stress/scenario.h"

namespace hvo::stress {

/// Makes a machine of which set_defaults() filled what was left open small enough to be put back thousands of times a
/// second: with less memory, and fewer hugepages unless `pools_are_given`, which always find room.
void make_small(const Scenario& scenario, bool pools_are_given, MachineConfig& config);

/// Each CPU of a machine of `config` runs `nr_ops` operations of the scenario's actors, drawn by `seed` and the
/// schedule's variant. At the end all is given back and recounted, as at the end of a round.
std::expected<std::unique_ptr<Subject>, std::string> make_scenario_subject(const Scenario& scenario,
                                                                           const MachineConfig& config, u32 nr_ops,
                                                                           u64 seed);

}  // namespace hvo::stress
