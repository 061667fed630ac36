#include "stress/explore/pairs.h"

#include <fmt/format.h>

#include <algorithm>

#include "program/exit_codes.h"
#include "program/progress_line.h"
#include "program/signals.h"
#include "stress/explore/report.h"
#include "stress/output.h"

namespace hvo::stress {

namespace {

constexpr std::array<std::string_view, 8> kPaired{"lookup", "walker", "optimise", "restore",
                                                  "split",  "demote", "alloc",    "free"};

struct Cell {
  std::string text;
  bool is_forbidden = false;
  bool is_incomplete = false;
};

Cell cell_of(const ExploreOptions& o, const SearchResult& r) {
  const bool whole = r.is_complete && r.bound == o.search.strategy.n;
  Cell c{.text = {}, .is_forbidden = r.outcomes.nr_forbidden() != 0, .is_incomplete = !whole};
  const double all = std::max(1.0, static_cast<double>(r.nr_schedules) + r.nr_left);
  c.text = whole ? fmt::format("{}", r.nr_schedules)
                 : fmt::format("{}, incomplete: {:.1f} % of {}", r.nr_schedules,
                               std::min(99.9, 100 * static_cast<double>(r.nr_schedules) / all), r.bound);
  if (r.outcomes.of(Key::self_head) != 0) c.text += " i";
  if (r.outcomes.of(Key::known_violation) != 0) c.text += " h";
  if (c.is_forbidden) c.text += " **F**";
  return c;
}

std::expected<Cell, std::string> explore_pair(ExploreOptions o, const Design& design) {
  o.machine.design = &design;
  const auto result = search(subject_maker(o), o.search);
  if (!result) return std::unexpected(result.error());
  return cell_of(o, *result);
}

}  // namespace

std::span<const std::string_view> paired_small_ops() { return kPaired; }

int pairs_command(const ExploreOptions& options) {
  ProgressLine line("hvo-stress");
  std::string head = "| pair |";
  std::string rule = "| --- |";
  for (const Design& d : kDesigns) {
    head += fmt::format(" {} |", d.name);
    rule += " --- |";
  }
  say(head + "\n" + rule + "\n");
  bool forbidden = false;
  bool incomplete = false;
  for (std::size_t i = 0; i < kPaired.size() && !is_interrupted(); ++i) {
    for (std::size_t k = i; k < kPaired.size() && !is_interrupted(); ++k) {
      ExploreOptions o = options;
      o.scenario = nullptr;
      o.small_ops = {find_small_op(kPaired[k]), find_small_op(kPaired[i])};
      o.subject = fmt::format("{}+{}", kPaired[k], kPaired[i]);
      o.search.strategy = {StrategySpec::Kind::dfs, o.small_ops[0]->is_long || o.small_ops[1]->is_long ? 2U : 3U};
      o.search.stops_at_witness = false;
      std::string row = fmt::format("| {}, {} |", o.subject, o.search.strategy.n);
      for (const Design& d : kDesigns) {
        line.show(fmt::format("{} on {}", o.subject, d.name));
        const auto cell = explore_pair(o, d);
        if (!cell) return fail(kResource, fmt::format("{} on {}: {}", o.subject, d.name, cell.error()));
        forbidden = forbidden || cell->is_forbidden;
        incomplete = incomplete || cell->is_incomplete;
        row += fmt::format(" {} |", cell->text);
      }
      line.clear();
      say(row + "\n");
    }
  }
  say("\nBehind a pair: preemptions. A cell: schedules that differ, all of them unless it says incomplete: so much of "
      "those\n"
      "with so many preemptions, fewer being complete. i: a lookup returned the tail itself; h: a known hole of the "
      "design; F: "
      "forbidden.\n");
  return forbidden ? kViolation : incomplete || is_interrupted() ? kVacuous : kPass;
}

}  // namespace hvo::stress
