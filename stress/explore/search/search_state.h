// SearchState: where a search is, so that another one goes on from there.
#pragma once

#include <array>
#include <expected>
#include <string>
#include <utility>
#include <vector>

#include "stress/explore/engine/strategies.h"
#include "stress/grading.h"

namespace hvo::stress {

/// What schedules have come to.
struct Counted {
  Outcomes outcomes{};
  EventCounts events{};
  u64 nr_schedules = 0;
  u64 nr_steps = 0;        ///< of these schedules
  u64 nr_steps_taken = 0;  ///< without those that were gone on behind (checkpoints)
  u64 nr_witnesses = 0;
  u64 nr_checked = 0;         ///< run twice
  u64 nr_undetermined = 0;    ///< of these, in how many the second run was another one
  std::array<u64, 4> ends{};  ///< schedules by End
  double seconds = 0;

  /// All but the seconds, for parts run side by side.
  void add(const Counted& part);
};

/// A worker's part of a depth-first pass.
struct DepthFirstPart {
  enum class Progress : u8 { not_begun, begun, exhausted };
  Progress progress{};
  std::vector<DepthFirst::Decision> decisions{};
};

struct SearchState {
  std::string program;   ///< the words that make what is explored
  u64 start_hash = 0;    ///< state of its machine at the start
  std::string strategy;  ///< strategy_text()
  u32 nr_workers = 1;
  bool reduced = true;
  u64 next_index = 0;                             ///< of strategies that draw lots
  u32 bound = 0;                                  ///< depth first: of the pass that was broken off
  bool has_learned = false;                       ///< the pass has to be made again
  std::vector<DepthFirstPart> parts{};            ///< of each worker
  std::vector<std::pair<u32, u16>> footprints{};  ///< what is known of them: place, bits
  Counted counted;                                ///< by that pass, or by all schedules so far
  std::vector<u64> states{};
};

std::string state_text(const SearchState& state);
/// Error: one line for the user: it is none, or damaged.
std::expected<SearchState, std::string> parse_state(const std::string& text);

}  // namespace hvo::stress
