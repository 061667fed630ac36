#include "stress/scenario.h"

#include "stress/scenarios/actors.h"

namespace hvo::stress {

namespace {

constexpr std::array kMixed{Actor{"folio", 4, folio},
                            Actor{"pages", 6, pages},
                            Actor{"referenced", 12, referenced},
                            Actor{"speculative", 40, speculative},
                            Actor{"walk", 8, walk},
                            Actor{"filtered-walk", 8, filtered_walk},
                            Actor{"dump", 1, dump},
                            Actor{"scribble", 6, scribble}};
constexpr std::array kFolio{Actor{"folio", 1, folio}};
constexpr std::array kFirstFolio{Actor{"first-folio", 1, first_folio}};
constexpr std::array kTails{Actor{"aligned-tail", 3, aligned_tail}, Actor{"referenced", 1, referenced}};
constexpr std::array kAnyLookup{Actor{"referenced", 1, referenced}, Actor{"speculative", 1, speculative},
                                Actor{"aligned-tail", 1, aligned_tail}};
constexpr std::array kFailing{Actor{"folio", 4, folio}, Actor{"referenced", 1, referenced}};

constexpr std::array kMixedWindows{Event::folio_optimized, Event::folio_restored, Event::window_ref_taken,
                                   Event::window_frame_reused};
constexpr std::array kLookupWindows{Event::folio_optimized, Event::window_truth_moved};
constexpr std::array kRestoreWindows{Event::folio_restored, Event::window_truth_moved, Event::window_self_head};
constexpr std::array kSplitWindows{Event::pmd_split, Event::window_split_race_lost};
constexpr std::array kEnomemWindows{Event::window_restore_enomem, Event::window_optimize_enomem};

constexpr std::array kScenarios{
    Scenario{"mixed", "folios, pages, lookups, walkers, dumps and scribblers at once", kMixed, kMixed, kMixedWindows},
    Scenario{"lookup_vs_optimize", "lookups of any kind while folios come and go", kFolio, kAnyLookup, kLookupWindows},
    Scenario{"lookup_vs_restore", "lookups of page-aligned tails of one folio", kFirstFolio, kTails, kRestoreWindows},
    Scenario{"split_contention", "CPUs optimise folios of one block of a fresh machine", kFolio, kFolio, kSplitWindows,
             2},
    Scenario{"enomem_rollback", "optimise and restore with failing allocations", kFailing, kFailing, kEnomemWindows,
             2000, 2, 6},
};

}  // namespace

std::span<const Scenario> scenarios() { return kScenarios; }

const Scenario* find_scenario(std::string_view name) {
  for (const Scenario& s : kScenarios) {
    if (s.name == name) return &s;
  }
  return nullptr;
}

}  // namespace hvo::stress
