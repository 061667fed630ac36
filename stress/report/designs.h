// designs: the table of designs, for people and for programs.
#pragma once

#include <span>
#include <string>

#include "stress/design_facts.h"

namespace hvo::stress {

/// Four blocks, at most 100 columns wide: the designs, their lookups, what they save, what is wrong with them.
std::string designs_text(std::span<const DesignFacts> all);
/// The same as JSON.
std::string designs_json(std::span<const DesignFacts> all);

}  // namespace hvo::stress
