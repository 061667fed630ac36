// The block at the end of an exploration, in 72 columns, and the same as JSON.
#pragma once

#include <string>

#include "stress/explore/explain/retell.h"
#include "stress/explore/options.h"

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
/// With --bisect: 1 what is searched for was seen, 0 it can't be, 125 nothing can be said.
int exit_code(const ExploreOptions& options, ExploreVerdict verdict);

std::string explore_text(const ExploreOptions& options, const SearchResult& result, bool colour);
/// `story`: of the schedule that was found; null: none was.
std::string explore_json(const ExploreOptions& options, const SearchResult& result, const Told* story,
                         const Witness* witness);
/// One line that says how far a search is.
std::string explore_progress(const ExploreOptions& options, const SearchResult& so_far);

}  // namespace hvo::stress
