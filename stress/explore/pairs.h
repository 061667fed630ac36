// pairs: every pair of small operations under every design, exhaustively: the table of stress/README.md.
#pragma once

#include <span>
#include <string_view>

#include "stress/explore/options.h"

namespace hvo::stress {

/// Those of the table. The program of two of them is "b+a", the later one first.
std::span<const std::string_view> paired_small_ops();

/// Prints the table as Markdown, a row when it is done. `options`: machine knobs, workers and the budget of each cell
/// count. The exit code: 1 where something forbidden was seen, else 7 where a cell is incomplete.
int pairs_command(const ExploreOptions& options);

}  // namespace hvo::stress
