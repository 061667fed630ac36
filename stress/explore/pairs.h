// pairs: every pair of small operations under every design, exhaustively: the table of stress/README.md.
#pragma once

#include "stress/explore/options.h"

namespace hvo::stress {

/// Prints the table as Markdown, a row when it is done. `options`: machine knobs, workers and the budget of each cell
/// count. The exit code: 1 where something forbidden was seen, else 7 where a cell is incomplete.
int pairs_command(const ExploreOptions& options);

}  // namespace hvo::stress
