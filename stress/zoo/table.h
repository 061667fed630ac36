// table: what a tour found, in 72 columns, fit for a mail.
#pragma once

#include <string>

#include "stress/zoo/tour.h"

namespace hvo::stress {

/// "8 ms", "0.4 s", "12 s", "3 min": at most six characters.
std::string duration_text(double seconds);
/// "8-31 ms", "8ms-1.2s".
std::string spread_text(const Times& times);
/// "Z2, split-recheck".
std::string full_name(const Exhibit& exhibit);
/// Of a cell: "10/10", "n/a", "-" where nothing was tried yet, "error".
std::string found_text(const ZooCell& cell);
/// How long the shortest story is: "57 steps"; empty: there is none.
std::string story_text(const ZooRow& row);
/// Which detectors told, in all cells.
std::string detectors_text(const ZooRow& row);

/// Numbers of a whole tour.
struct Summary {
  u64 nr_rows = 0, nr_shown = 0, nr_caught = 0, nr_in_time = 0;
  u64 nr_own = 0;          ///< caught by machinery that serves the row alone: not in the others
  std::string uncaught{};  ///< rows that were tried, and not caught
  std::string untried{};   ///< rows for which there was no time
};
Summary summary_of(const Tour& tour);

std::string tour_text(const Tour& tour);
/// The rows that would be taken: what is shown in which way, and why not.
std::string list_text(const std::vector<ZooRow>& rows);

}  // namespace hvo::stress
