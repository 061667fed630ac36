// tour_json: a tour as JSON.
#pragma once

#include <string>

#include "stress/zoo/tour.h"

namespace hvo::stress {

/// Each row, cell and attempt, the summary, version and commit. The whole content of a file.
std::string tour_json(const Tour& tour, const std::string& command);

}  // namespace hvo::stress
