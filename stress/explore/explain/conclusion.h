// conclusion: what went wrong in a schedule, in sentences.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "stress/explore/engine/moment.h"

namespace hvo {
class Machine;
}

namespace hvo::stress {

struct Conclusion {
  std::string name{};      ///< of the rule or outcome: "read-only-store", "deadlock"
  std::string rule{};      ///< what must hold
  std::string expected{};  ///< here
  std::string seen{};
  std::string known{};  ///< the design's known hole that this is, and its fix; empty: it is none
};

/// `machine`: in the state in which the schedule `moments` began.
Conclusion conclusion_of(const Violation& violation, Machine& machine, const std::vector<Moment>& moments);
/// Of a schedule at whose end some CPUs wait and nobody can go on: who waits for what, and who has it.
Conclusion conclusion_of_deadlock(Machine& machine, const std::vector<Moment>& moments);

/// Some lines for the terminal.
std::string conclusion_text(const Conclusion& finding, std::size_t columns = 100);
nlohmann::json conclusion_json(const Conclusion& finding);

}  // namespace hvo::stress
