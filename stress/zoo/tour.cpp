#include "stress/zoo/tour.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <numeric>

#include "core/machine/host_mmu.h"
#include "program/signals.h"

namespace hvo::stress {

namespace {

using Clock = std::chrono::steady_clock;

/// A control shorter than this says little: a process has hardly begun.
constexpr double kLeastControl = 0.2;

std::string reason(const Exhibit& exhibit, Way way, const TourPlan& plan) {
  const auto program = program_of(exhibit, way, Planted::yes);
  if (!program) return program.error();
  if (way == Way::tsan && plan.tsan.empty()) return "no ThreadSanitizer build is there";
  if (way == Way::host) {
    MachineConfig config;
    config.mmu = Mmu::host;
    if (const auto can = check_host_mmu(config); !can) return can.error();
  }
  return {};
}

bool has_found(const Attempt& a) { return a.is_found(); }
bool has_failed(const Attempt& a) { return a.end == Attempt::End::failed; }

class Guide {
 public:
  Guide(const TourPlan& plan, const WatchTour& watch, const TemporaryFolder& folder)
      : plan_(plan), watch_(watch), folder_(folder) {
    tour_.rows = rows_of(plan);
    tour_.nr_seeds = plan.nr_seeds;
    tour_.limit = plan.limit;
    for (const ZooRow& row : tour_.rows)
      nr_asked_ += static_cast<u64>(std::ranges::count_if(row.cells, &ZooCell::is_asked));
  }

  Tour operator()() {
    for (u64 seed = 1; seed <= plan_.nr_seeds; ++seed) {
      for (ZooRow& row : tour_.rows) {
        for (ZooCell& cell : row.cells) {
          if (cell.is_asked() && !visit(row, cell, seed)) return end();
        }
      }
    }
    return end();
  }

 private:
  double seconds() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }
  Tour end() {
    tour_.seconds = seconds();
    tour_.is_interrupted = is_interrupted();
    return std::move(tour_);
  }

  /// False: that is the end of the tour.
  bool visit(const ZooRow& row, ZooCell& cell, u64 seed) {
    // What can't be tried is not tried again.
    if (failed_in(cell.attempts) != nullptr) return true;
    if (seconds() >= plan_.budget) {
      tour_.is_cut = true;
      return false;
    }
    if (watch_) watch_(nr_done_, nr_asked_ * plan_.nr_seeds, fmt::format("{} {}", row.exhibit->id, way_name(cell.way)));
    ++nr_done_;
    const HuntLimits limits{.seconds = plan_.limit, .shrinks = told_in(cell.attempts) == nullptr};
    Attempt attempt = go(row, cell, Planted::yes, seed, limits);
    if (is_interrupted()) return false;
    const double as_long = std::max(kLeastControl, std::min(plan_.limit, attempt.seconds));
    Attempt control = go(row, cell, Planted::no, seed, {.seconds = as_long, .shrinks = true});
    if (is_interrupted()) return false;
    cell.attempts.push_back(std::move(attempt));
    cell.controls.push_back(std::move(control));
    return true;
  }

  Attempt go(const ZooRow& row, const ZooCell& cell, Planted planted, u64 seed, const HuntLimits& limits) {
    return hunt(*program_of(*row.exhibit, cell.way, planted), cell.way, seed, limits, folder_, plan_.tsan);
  }

  const TourPlan& plan_;
  const WatchTour& watch_;
  const TemporaryFolder& folder_;
  Clock::time_point start_ = Clock::now();
  Tour tour_;
  u64 nr_asked_ = 0;
  u64 nr_done_ = 0;
};

}  // namespace

u64 nr_found(const std::vector<Attempt>& attempts) {
  return static_cast<u64>(std::ranges::count_if(attempts, has_found));
}

double seconds_of(const std::vector<Attempt>& attempts) {
  return std::accumulate(attempts.begin(), attempts.end(), 0.0,
                         [](double sum, const Attempt& a) { return sum + a.seconds; });
}

std::optional<Times> times_of(const std::vector<Attempt>& attempts) {
  std::vector<double> times;
  for (const Attempt& a : attempts) {
    if (a.is_found()) times.push_back(a.seconds);
  }
  if (times.empty()) return std::nullopt;
  std::ranges::sort(times);
  const std::size_t middle = times.size() / 2;
  const double median = times.size() % 2 == 1 ? times[middle] : (times[middle - 1] + times[middle]) / 2;
  return Times{.least = times.front(), .median = median, .most = times.back()};
}

std::string detectors_of(const std::vector<Attempt>& attempts) {
  std::vector<std::string> all;
  for (const Attempt& a : attempts) {
    if (!a.is_found()) continue;
    for (std::string_view rest = a.by; !rest.empty();) {
      const auto comma = std::min(rest.find(", "), rest.size());
      all.emplace_back(rest.substr(0, comma));
      rest.remove_prefix(std::min(comma + 2, rest.size()));
    }
  }
  std::ranges::sort(all);
  const auto twice = std::ranges::unique(all);
  all.erase(twice.begin(), twice.end());
  std::string s;
  for (const std::string& name : all) s += (s.empty() ? "" : ", ") + name;
  return s;
}

const Attempt* told_in(const std::vector<Attempt>& attempts) {
  const auto found = std::ranges::find_if(attempts, [](const Attempt& a) { return a.is_found() && !a.story.empty(); });
  return found == attempts.end() ? nullptr : &*found;
}

const Attempt* failed_in(const std::vector<Attempt>& attempts) {
  const auto found = std::ranges::find_if(attempts, has_failed);
  return found == attempts.end() ? nullptr : &*found;
}

bool ZooRow::is_asked() const { return std::ranges::any_of(cells, &ZooCell::is_asked); }
bool ZooRow::was_tried() const {
  return std::ranges::any_of(cells, [](const ZooCell& c) { return !c.attempts.empty(); });
}
bool ZooRow::is_caught() const {
  return std::ranges::any_of(cells, [](const ZooCell& c) { return nr_found(c.attempts) != 0; });
}

bool ZooRow::is_caught_within(double seconds) const {
  return std::ranges::any_of(cells, [seconds](const ZooCell& c) {
    // Those that found nothing took longer than any.
    const u64 found = nr_found(c.attempts);
    const auto times = times_of(c.attempts);
    return times && 2 * found > c.attempts.size() && times->median <= seconds;
  });
}

u64 Tour::nr_false_alarms() const {
  u64 n = 0;
  for (const ZooRow& row : rows) {
    for (const ZooCell& cell : row.cells) n += nr_found(cell.controls);
  }
  return n;
}

u64 Tour::nr_failed() const {
  u64 n = 0;
  for (const ZooRow& row : rows) {
    for (const ZooCell& cell : row.cells) {
      n += static_cast<u64>(std::ranges::count_if(cell.attempts, has_failed) +
                            std::ranges::count_if(cell.controls, has_failed));
    }
  }
  return n;
}

u64 Tour::nr_controls() const {
  u64 n = 0;
  for (const ZooRow& row : rows) {
    for (const ZooCell& cell : row.cells) n += cell.controls.size();
  }
  return n;
}

double Tour::control_seconds() const {
  double s = 0;
  for (const ZooRow& row : rows) {
    for (const ZooCell& cell : row.cells) s += seconds_of(cell.controls);
  }
  return s;
}

std::vector<ZooRow> rows_of(const TourPlan& plan) {
  std::vector<ZooRow> rows;
  for (const Exhibit* exhibit : plan.exhibits) {
    ZooRow row{.exhibit = exhibit, .cells = {}};
    for (const Way way : plan.ways) {
      if (plan.only_cheapest && row.is_asked()) break;
      row.cells.push_back({.way = way, .not_applicable = reason(*exhibit, way, plan), .attempts = {}, .controls = {}});
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

std::expected<Tour, std::string> take_tour(const TourPlan& plan, const WatchTour& watch) {
  const auto folder = TemporaryFolder::make("hvo-zoo");
  if (!folder) return std::unexpected(folder.error());
  return Guide(plan, watch, *folder)();
}

}  // namespace hvo::stress
