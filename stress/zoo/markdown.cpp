#include "stress/zoo/markdown.h"

#include <fmt/format.h>

#include <array>

#include "stress/report/outcomes.h"
#include "stress/version.h"
#include "stress/zoo/table.h"

namespace hvo::stress {

namespace {

constexpr std::array<std::string_view, 2> kIntro{
    "Five years of HVO in the kernel left a trail of bugs. Each that a simulated machine can have is planted here by "
    "name and "
    "hunted in several ways: `explore` decides every step, under sequential consistency (sc) or weak memory; `run` "
    "lets "
    "threads race, with a simulated MMU or the host's; TSan is the ThreadSanitizer build, its data races alone. Beside "
    "each "
    "hunt the same program runs without the bug, with the same seeds and as long, up to the limit, and must find "
    "nothing.",
    "No check was written for one bug: a detector states a general truth (a lookup's answer was true at some moment, "
    "nothing "
    "stores to a read-only page, frames add up)."};

std::string_view title_of(Way way) {
  switch (way) {
    case Way::explore_sc: return "explore sc";
    case Way::explore_weak: return "explore weak";
    case Way::run: return "run";
    case Way::host: return "host MMU";
    case Way::tsan: return "TSan";
  }
  return "?";
}

std::string cell_text(const ZooCell& cell) {
  std::string s = found_text(cell);
  const auto times = times_of(cell.attempts);
  if (!times) return s;
  s += ", " + duration_text(times->median);
  return nr_found(cell.attempts) == 1 ? s : s + " (" + spread_text(*times) + ")";
}

std::string anchor(const Exhibit& e) {
  std::string s(e.id);
  s.front() = 'z';
  return s;
}

std::string table_text(const Tour& tour) {
  if (tour.rows.empty()) return "";
  std::string head = "| bug | safeguard |";
  std::string rule = "| --- | --- |";
  for (const ZooCell& cell : tour.rows.front().cells) {
    head += fmt::format(" {} |", title_of(cell.way));
    rule += " --- |";
  }
  std::string s = head + " detectors | story |\n" + rule + " --- | --- |\n";
  for (const ZooRow& row : tour.rows) {
    if (!row.is_asked()) continue;
    const Exhibit& e = *row.exhibit;
    s += fmt::format("| [{}](#{}) | {} |", e.id, anchor(e), e.safeguard.empty() ? "-" : e.safeguard);
    for (const ZooCell& cell : row.cells) s += fmt::format(" {} |", cell_text(cell));
    const std::string story = story_text(row);
    s += fmt::format(" {}{} | {} |\n", detectors_text(row), e.own_machinery ? " (for this row alone)" : "",
                     story.empty() ? "-" : story);
  }
  return s;
}

/// The shortest of the schedules that are told; else what a run says of its first violation.
const Attempt* story_of(const ZooRow& row) {
  const Attempt* best = nullptr;
  for (const ZooCell& cell : row.cells) {
    for (const Attempt& a : cell.attempts) {
      if (!a.is_found() || a.story.empty()) continue;
      const bool is_shorter =
          a.nr_steps != 0 && (best == nullptr || best->nr_steps == 0 || a.nr_steps < best->nr_steps);
      if (best == nullptr || is_shorter) best = &a;
    }
  }
  return best;
}

/// A paragraph in lines for a reader of the source.
std::string paragraph(const std::string& text) {
  constexpr std::size_t kMarkdownColumns = 130;
  return wrapped(text, 0, kMarkdownColumns);
}

std::string bug_text(const ZooRow& row) {
  const Exhibit& e = *row.exhibit;
  std::string s = fmt::format("\n<a id=\"{}\"></a>\n### {}: {}\n\n", anchor(e), e.id, e.title);
  s += paragraph(std::string(e.history));
  s += fmt::format("\nFix: {}.\n", e.fix);
  if (!row.is_asked()) {
    return s + fmt::format("\nNot shown: {}.\n", e.why_not.empty() ? "in none of these ways" : e.why_not);
  }
  if (const Attempt* told = story_of(row)) {
    s += fmt::format("\nFound by {}:\n\n    ./hvo {}\n", told->by, told->command);
    s += "\n```text\n" + told->story + (told->story.ends_with('\n') ? "" : "\n") + "```\n";
  } else if (row.was_tried()) {
    s += row.is_caught() ? "\nFound, and no story told.\n" : "\nNot found within the limit.\n";
  } else {
    s += "\nNot tried: there was no time for it.\n";
  }
  return s;
}

std::string numbers_text(const Tour& tour, const std::string& command, const std::string& date) {
  const Summary n = summary_of(tour);
  std::string caught = fmt::format("{} of {} rows can be shown; {} of them are caught, {} in a median of at most 10 s.",
                                   n.nr_shown, n.nr_rows, n.nr_caught, n.nr_in_time);
  if (n.nr_own != 0) caught += fmt::format(" {} more by machinery that serves that row alone.", n.nr_own);
  if (!n.uncaught.empty()) caught += fmt::format(" Not caught: {}.", n.uncaught);
  if (!n.untried.empty()) caught += fmt::format(" No time for: {}.", n.untried);
  caught += fmt::format(" Control runs: {} in {}, {} false alarm{}.", tour.nr_controls(),
                        duration_text(tour.control_seconds()), tour.nr_false_alarms(),
                        tour.nr_false_alarms() == 1 ? "" : "s");
  const std::string how = fmt::format(
      "A cell: seeds that found it, of seeds tried; the median time to the detection, least and most in brackets, "
      "without "
      "the start of the process (TSan: with it). n/a: this way can't have the bug. The story's length is that of the "
      "shortest schedule that was told. {} seeds, {} each at most, {} in all, {}, version {} ({}):",
      tour.nr_seeds, duration_text(tour.limit), duration_text(tour.seconds), date, kVersion, kCommit);
  return "\n" + paragraph(caught) + "\n" + paragraph(how) + "\n    " + command + "\n";
}

}  // namespace

std::string tour_markdown(const Tour& tour, const std::string& command, const std::string& date) {
  std::string s = "# The bug zoo\n";
  for (const std::string_view text : kIntro) s += "\n" + paragraph(std::string(text));
  s += "\n## What was caught\n\n" + table_text(tour) + numbers_text(tour, command, date);
  s += "\n## The bugs\n";
  for (const ZooRow& row : tour.rows) s += bug_text(row);
  return s;
}

}  // namespace hvo::stress
