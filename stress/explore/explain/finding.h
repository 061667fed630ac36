// finding: what went wrong in a schedule, in sentences.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "stress/explore/engine/moment.h"

namespace hvo {
class Machine;
}

namespace hvo::stress {

struct Finding {
  std::string name{};      ///< of the rule or outcome: "read-only-store", "deadlock"
  std::string rule{};      ///< what must hold
  std::string expected{};  ///< here
  std::string seen{};
  std::string known{};  ///< the design's known hole that this is, and its fix; empty: it is none
};

/// `machine`: in the state in which the schedule `moments` began.
Finding finding_of(const Violation& violation, Machine& machine, const std::vector<Moment>& moments);
/// Of a schedule at whose end some CPUs wait and nobody can go on: who waits for what, and who has it.
Finding finding_of_deadlock(Machine& machine, const std::vector<Moment>& moments);

/// Some lines for the terminal.
std::string finding_text(const Finding& finding, std::size_t columns = 100);
nlohmann::json finding_json(const Finding& finding);

}  // namespace hvo::stress
