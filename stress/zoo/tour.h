// tour: rows of the catalogue, each hunted in each way with several seeds, and beside each the same without the bug.
#pragma once

#include <functional>
#include <optional>
#include <span>

#include "stress/zoo/hunt.h"

namespace hvo::stress {

/// One row in one way.
struct ZooCell {
  Way way{};
  std::string not_applicable{};     ///< why this way can't show the row; empty: it can
  std::vector<Attempt> attempts{};  ///< with the bug, by seed
  std::vector<Attempt> controls{};  ///< without it, the same seeds, at least as long

  bool is_asked() const { return not_applicable.empty(); }
};

u64 nr_found(const std::vector<Attempt>& attempts);
double seconds_of(const std::vector<Attempt>& attempts);
/// Times to the detection.
struct Times {
  double least = 0, median = 0, most = 0;
};
/// Nothing found: nothing.
std::optional<Times> times_of(const std::vector<Attempt>& attempts);
/// Each rule or outcome that told, once.
std::string detectors_of(const std::vector<Attempt>& attempts);
/// The first that has a story; null: none has.
const Attempt* told_in(const std::vector<Attempt>& attempts);
const Attempt* failed_in(const std::vector<Attempt>& attempts);

struct ZooRow {
  const Exhibit* exhibit = nullptr;
  std::vector<ZooCell> cells{};  ///< of the ways that were asked for

  bool is_asked() const;
  bool was_tried() const;
  bool is_caught() const;
  /// In some way the median time to the detection is at most that.
  bool is_caught_within(double seconds) const;
};

struct TourPlan {
  std::vector<const Exhibit*> exhibits{};
  std::vector<Way> ways{kWays.begin(), kWays.end()};
  bool only_cheapest = false;  ///< of each row the first way that can show it
  u64 nr_seeds = 10;
  double limit = 10;             ///< seconds of one attempt
  double budget = 600;           ///< seconds of all
  std::filesystem::path tsan{};  ///< of the ThreadSanitizer build; empty: there is none
};

struct Tour {
  std::vector<ZooRow> rows{};
  u64 nr_seeds = 0;
  double limit = 0;
  double seconds = 0;
  bool is_cut = false;  ///< the budget was spent before all seeds were
  bool is_interrupted = false;

  u64 nr_false_alarms() const;
  u64 nr_failed() const;
  u64 nr_controls() const;
  double control_seconds() const;
};

/// The cells of a plan, nothing tried yet.
std::vector<ZooRow> rows_of(const TourPlan& plan);
/// Called before each attempt: how many are done, of all, and what is next.
using WatchTour = std::function<void(u64 done, u64 of, const std::string& next)>;
/// Breadth first: each cell with one seed, then each with the next. An interrupt or the budget ends it early.
/// Error: one line for the user.
std::expected<Tour, std::string> take_tour(const TourPlan& plan, const WatchTour& watch);

}  // namespace hvo::stress
