// step_table: a story for the terminal, one column per CPU, and as JSON.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "stress/explore/explain/story.h"

namespace hvo::stress {

struct TableStyle {
  bool colour = false;         ///< escape sequences, for a terminal
  std::size_t columns = 100;   ///< of the terminal
  std::size_t most_rows = 40;  ///< see Story::at_most
};

/// A column per CPU that takes part: 2 to 4 of them beside each other, more in one column with their numbers. What
/// touches a culprit is marked by ».
std::string step_table(const Story& story, const TableStyle& style = {});
/// An array of objects, one per row. "what" says which; "step", "cpu", "function", "text" and "culprit" are always
/// there.
nlohmann::json step_table_json(const Story& story);

}  // namespace hvo::stress
