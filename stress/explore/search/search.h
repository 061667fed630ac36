// Search: many schedules of one subject, by one or several workers, and what was seen in them.
#pragma once

#include <optional>
#include <set>
#include <vector>

#include "stress/explore/engine/strategy_spec.h"
#include "stress/explore/search/current_schedule.h"
#include "stress/explore/search/search_state.h"
#include "stress/explore/subjects/subject.h"

namespace hvo::stress {

/// One schedule that was worth stopping for.
struct Witness {
  StrategySpec strategy;  ///< that came to it; never portfolio
  u64 seed = 1;
  u64 index = 0;
  std::vector<u8> decisions;
  End end{};
  Outcomes outcomes;   ///< of this schedule
  u64 state_hash = 0;  ///< of the machine where it ended
  u32 nr_steps = 0;
  bool is_cut = false;  ///< it had more decisions than are kept: it can't be run again
};

struct SearchOptions {
  StrategySpec strategy{};
  u64 seed = 1;
  u64 first_index = 0;  ///< of strategies that draw lots
  u32 nr_workers = 1;
  double seconds = 0;    ///< 0: as long as it takes
  u64 nr_schedules = 0;  ///< 0: any number
  EngineOptions engine{};
  bool reduced = true;      ///< leave out schedules that differ in nothing
  bool checkpoints = true;  ///< depth first: go on from the middle of what begins alike, where the subject can
  bool check_determinism = false;
  /// What the search is after and stops at; nothing: any outcome that is forbidden.
  std::optional<Key> find{};
  bool stops_at_witness = true;
  CurrentSchedule* current = nullptr;   ///< is told which schedules run
  const SearchState* resume = nullptr;  ///< goes on from there: a search of the same program, strategy and workers
};

struct SearchResult : Counted {
  u64 nr_states = 0;         ///< different ones, at the end of schedules
  bool is_complete = false;  ///< every schedule within the bound was run
  u32 bound = 0;             ///< depth first: preemptions of the pass that counts
  double nr_left = 0;        ///< depth first, not complete: schedules left, estimated
  bool is_interrupted = false;
  std::optional<Witness> witness;   ///< the first one
  std::optional<SearchState> rest;  ///< where it was broken off, if it did not come to its end

  /// What another worker has counted, and has left.
  void add(const SearchResult& part) {
    Counted::add(part);
    nr_left += part.nr_left;
  }
};

/// How a search gets on. May be called from any worker, one at a time, a few times a second.
using WatchSearch = std::function<void(const SearchResult& so_far)>;

/// Error: a subject could not be made.
std::expected<SearchResult, std::string> search(const MakeSubject& make, const SearchOptions& options,
                                                const WatchSearch& watch = {});

/// The schedule of a witness again. `moments`: what its CPUs did; may be null. The subject is left as the schedule left
/// it: judged only.
struct Replayed {
  End end{};
  Outcomes outcomes;
  u64 state_hash = 0;
  u32 nr_steps = 0;
  bool has_strayed = false;
  std::vector<Violation> violations;         ///< the first of each kind
  std::vector<Violation> recount;            ///< what the recount at the end found, where that is what is wrong
  std::array<Blocked, kMostCpus> blocked{};  ///< where each CPU stood at the end
  u32 last_cpu = 0;                          ///< that took the last step
};
Replayed replay(Subject& subject, const EngineOptions& options, u64 variant, std::span<const u8> decisions,
                std::vector<Moment>* moments);
/// What the subject draws by lot in schedule `index`: all schedules of a depth-first search are of one program.
u64 variant_of(const StrategySpec& spec, u64 index);

/// The outcome that a search is after has been seen, or a forbidden one: that is never passed over.
bool is_hit(const Outcomes& outcomes, const std::optional<Key>& find);

}  // namespace hvo::stress
