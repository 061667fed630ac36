// The block at the end of an exploration, in 72 columns, and the same as JSON.
#pragma once

#include <string>
#include <string_view>

#include "stress/explore/explain/retell.h"
#include "stress/explore/options.h"
#include "stress/explore/search/schedule_file.h"

namespace hvo::stress {

enum class ExploreVerdict : u8 {
  pass,          ///< all within the bound, or the budget, and nothing that is searched for
  found,         ///< what --find is after, and nothing forbidden beside it
  not_found,     ///< --find, and every schedule within the bound was run
  violation,     ///< a forbidden outcome
  undetermined,  ///< a schedule that was run twice did not do the same
  incomplete,    ///< a depth-first search did not come to its end; --find found nothing in a sample; interrupted
  vacuous,       ///< a scenario's window was never hit
};
ExploreVerdict verdict_of(const ExploreOptions& options, const SearchResult& result);
/// To git bisect run: this commit says nothing.
inline constexpr int kBisectSkip = 125;
/// With --bisect: 1 what is searched for was seen, 0 it can't be, 125 nothing can be said.
int exit_code(const ExploreOptions& options, ExploreVerdict verdict);

/// "1 CPU", "2 CPUs".
std::string plural(u64 n, std::string_view what);
std::string explore_text(const ExploreOptions& options, const SearchResult& result, bool colour);
/// `story`, `schedule`: what was found; null: nothing was. The program in the schedule is what shrinking has left.
std::string explore_json(const ExploreOptions& options, const SearchResult& result, const Told* story,
                         const ScheduleFile* schedule);
/// One line that says how far a search is.
std::string explore_progress(const ExploreOptions& options, const SearchResult& so_far);

}  // namespace hvo::stress
