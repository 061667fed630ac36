#include "stress/zoo/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "stress/report/outcomes.h"

namespace hvo::stress {

namespace {

constexpr std::size_t kColumns = 72;
constexpr double kInTime = 10;

/// Two digits that count.
std::string number_text(double n) { return n < 9.95 ? fmt::format("{:.1f}", n) : fmt::format("{:.0f}", n); }

std::string unit_of(double seconds) { return seconds < 0.0995 ? "ms" : seconds < 99.5 ? "s" : "min"; }
std::string amount_of(double seconds) {
  if (seconds < 0.0995) return fmt::format("{:.0f}", std::max(1.0, seconds * 1000));
  return number_text(seconds < 99.5 ? seconds : seconds / 60);
}

std::string head_line(const std::vector<ZooRow>& rows) {
  std::string s = fmt::format("{:<22}", "bug");
  if (rows.empty()) return s + "\n";
  for (const ZooCell& cell : std::ranges::max(rows, {}, [](const ZooRow& r) { return r.cells.size(); }).cells) {
    constexpr std::array<std::string_view, kNrWays> kTitles{"sc", "weak", "run", "host MMU", "TSan"};
    s += fmt::format("{:<10}", kTitles[static_cast<unsigned>(cell.way)]);
  }
  return s.substr(0, s.find_last_not_of(' ') + 1) + "\n";
}

/// One line of the cells, each as `text` has it.
template <class Text>
std::string cells_line(const std::string& before, const ZooRow& row, Text text) {
  std::string s = fmt::format("{:<22}", before);
  for (const ZooCell& cell : row.cells) s += fmt::format("{:<10}", text(cell));
  return s.substr(0, s.find_last_not_of(' ') + 1) + "\n";
}

std::string row_text(const ZooRow& row) {
  const Exhibit& e = *row.exhibit;
  const std::string name = e.safeguard.empty() ? "" : std::string(e.safeguard) + ": ";
  std::string s = wrapped(name + std::string(e.title), 5, kColumns);
  s.replace(0, 5, fmt::format("{:<5}", e.id));
  s += cells_line("     found, of seeds", row, found_text);
  if (!row.is_caught()) return s;
  const bool has_spread = std::ranges::any_of(row.cells, [](const ZooCell& c) { return nr_found(c.attempts) > 1; });
  s += cells_line(has_spread ? "     median" : "     after", row, [](const ZooCell& c) {
    const auto times = times_of(c.attempts);
    return times ? duration_text(times->median) : std::string();
  });
  if (has_spread) {
    s += cells_line("     least to most", row, [](const ZooCell& c) {
      const auto times = times_of(c.attempts);
      return times ? spread_text(*times) : std::string();
    });
  }
  const std::string story = story_text(row);
  return s + wrapped("by " + detectors_text(row) + (story.empty() ? "" : "; story of " + story), 5, kColumns);
}

std::string errors_text(const Tour& tour) {
  std::string s;
  for (const ZooRow& row : tour.rows) {
    for (const ZooCell& cell : row.cells) {
      const Attempt* failed = failed_in(cell.attempts);
      if (failed == nullptr) failed = failed_in(cell.controls);
      if (failed == nullptr) continue;
      s += wrapped(fmt::format("error: {} {}: {}", row.exhibit->id, way_name(cell.way), failed->why), 0, kColumns);
    }
  }
  return s;
}

std::string alarms_text(const Tour& tour) {
  std::string s;
  for (const ZooRow& row : tour.rows) {
    for (const ZooCell& cell : row.cells) {
      for (const Attempt& a : cell.controls) {
        if (!a.is_found()) continue;
        s += wrapped(fmt::format("FALSE ALARM: {} {}: {} without the bug", row.exhibit->id, way_name(cell.way), a.by),
                     0, kColumns);
        s += "repeat: ./hvo " + a.command + "\n";
      }
    }
  }
  return s;
}

std::string summary_text(const Tour& tour) {
  const Summary n = summary_of(tour);
  std::string s =
      wrapped(fmt::format("{} of {} rows can be shown; {} of them caught, {} in a median of at most {:.0f} s.{}",
                          n.nr_shown, n.nr_rows, n.nr_caught, n.nr_in_time, kInTime,
                          n.nr_own == 0 ? "" : fmt::format(" {} more by machinery for that row alone.", n.nr_own)),
              0, kColumns);
  if (!n.uncaught.empty()) s += wrapped("not caught: " + n.uncaught, 0, kColumns);
  if (!n.untried.empty()) s += wrapped("no time for: " + n.untried, 0, kColumns);
  s += wrapped(fmt::format("controls: {} runs without the bug, {} in all, {} false alarm{}", tour.nr_controls(),
                           duration_text(tour.control_seconds()), tour.nr_false_alarms(),
                           tour.nr_false_alarms() == 1 ? "" : "s"),
               0, kColumns);
  return s + wrapped(fmt::format("up to {} seed{} a cell, {} each at most; {}{}{}", tour.nr_seeds,
                                 tour.nr_seeds == 1 ? "" : "s", duration_text(tour.limit), duration_text(tour.seconds),
                                 tour.is_cut ? "; the budget was too short for the rest" : "",
                                 tour.is_interrupted ? "; interrupted" : ""),
                     0, kColumns);
}

}  // namespace

std::string duration_text(double seconds) { return amount_of(seconds) + " " + unit_of(seconds); }

std::string spread_text(const Times& t) {
  if (unit_of(t.least) == unit_of(t.most)) {
    const std::string least = amount_of(t.least);
    const std::string most = amount_of(t.most);
    return least == most ? least + " " + unit_of(t.most) : fmt::format("{}-{} {}", least, most, unit_of(t.most));
  }
  return fmt::format("{}{}-{}{}", amount_of(t.least), unit_of(t.least), amount_of(t.most), unit_of(t.most));
}

std::string full_name(const Exhibit& e) {
  return std::string(e.id) + (e.safeguard.empty() ? "" : ", " + std::string(e.safeguard));
}

std::string found_text(const ZooCell& cell) {
  if (!cell.is_asked()) return "n/a";
  if (failed_in(cell.attempts) != nullptr) return "error";
  return cell.attempts.empty() ? "-" : fmt::format("{}/{}", nr_found(cell.attempts), cell.attempts.size());
}

std::string story_text(const ZooRow& row) {
  u64 least = 0;
  for (const ZooCell& cell : row.cells) {
    for (const Attempt& a : cell.attempts) {
      if (a.nr_steps != 0 && (least == 0 || a.nr_steps < least)) least = a.nr_steps;
    }
  }
  return least == 0 ? "" : fmt::format("{} step{}", least, least == 1 ? "" : "s");
}

std::string detectors_text(const ZooRow& row) {
  std::vector<Attempt> all;
  for (const ZooCell& cell : row.cells) all.insert(all.end(), cell.attempts.begin(), cell.attempts.end());
  return detectors_of(all);
}

Summary summary_of(const Tour& tour) {
  Summary n{.nr_rows = tour.rows.size()};
  for (const ZooRow& row : tour.rows) {
    if (!row.is_asked()) continue;
    ++n.nr_shown;
    const auto add = [&row](std::string& to) { to += (to.empty() ? "" : ", ") + std::string(row.exhibit->id); };
    if (!row.was_tried()) {
      add(n.untried);
    } else if (!row.is_caught()) {
      add(n.uncaught);
    } else if (row.exhibit->own_machinery) {
      ++n.nr_own;
    } else {
      ++n.nr_caught;
      n.nr_in_time += row.is_caught_within(kInTime) ? 1 : 0;
    }
  }
  return n;
}

std::string tour_text(const Tour& tour) {
  std::string s = head_line(tour.rows);
  std::string out;
  for (const ZooRow& row : tour.rows) {
    if (row.is_asked()) {
      s += row_text(row);
    } else {
      const std::string why(row.exhibit->why_not.empty() ? "in none of these ways" : row.exhibit->why_not);
      out += wrapped(fmt::format("{}: {}", full_name(*row.exhibit), why), 2, kColumns);
    }
  }
  if (!out.empty()) s += "\nnot shown\n" + out;
  const std::string errors = errors_text(tour) + alarms_text(tour);
  return s + "\n" + (errors.empty() ? "" : errors + "\n") + summary_text(tour);
}

std::string list_text(const std::vector<ZooRow>& rows) {
  std::string s;
  for (const ZooRow& row : rows) {
    const Exhibit& e = *row.exhibit;
    s += wrapped(fmt::format("{}: {}", full_name(e), e.title), 0, kColumns);
    if (!row.is_asked()) {
      s += wrapped("not shown: " + std::string(e.why_not.empty() ? "in none of these ways" : e.why_not), 4, kColumns);
      continue;
    }
    for (const ZooCell& cell : row.cells) {
      s += wrapped(
          fmt::format("{}: {}", way_name(cell.way),
                      cell.is_asked() ? joined(*program_of(e, cell.way, Planted::yes)) : "n/a, " + cell.not_applicable),
          4, kColumns);
    }
  }
  return s;
}

}  // namespace hvo::stress
