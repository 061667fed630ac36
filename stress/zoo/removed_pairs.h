// removed_pairs: two safeguards removed at once. At least one of the two bugs must be told, and the tool must live.
#pragma once

#include <string>
#include <vector>

#include "stress/zoo/zoo_command.h"

namespace hvo::stress {

/// Two rows whose safeguards one design has.
struct RemovedPair {
  const Exhibit* a = nullptr;
  const Exhibit* b = nullptr;
  std::string design;
};
/// Up to `nr` different ones, by lot. Fewer: there are no more.
std::vector<RemovedPair> draw_pairs(const std::vector<const Exhibit*>& exhibits, u64 nr, u64 seed);
/// What may show it, the likeliest first. `command`: "explore" or "run". Those that the design refuses are left out.
std::vector<Words> programs_of(const RemovedPair& pair, const std::string& command);

/// `hvo-stress zoo --pairs N`. The exit code: 1 when a pair was not told or crashed the tool.
int removed_pairs_command(const ZooWords& words, const TourPlan& plan);

}  // namespace hvo::stress
