#include "stress/zoo/removed_pairs.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "core/base/rng.h"
#include "core/hvo/designs.h"
#include "program/exit_codes.h"
#include "program/progress_line.h"
#include "program/signals.h"
#include "stress/command_line.h"
#include "stress/output.h"
#include "stress/report/outcomes.h"
#include "stress/zoo/table.h"

namespace hvo::stress {

namespace {

using Clock = std::chrono::steady_clock;
constexpr u64 kStream = 0x7a6f6f;

bool has_safeguard(const Exhibit* e) { return e->is_shown() && !e->safeguard.empty(); }

std::string design_of_row(const Exhibit& e) {
  const Words words = split_words(e.explore.empty() ? e.run : e.explore);
  return value_of(words, "--design", kDefaultDesign);
}

Words program(const RemovedPair& pair, const Exhibit& of, const std::string& command) {
  Words words = split_words(command == "explore" ? of.explore : of.run);
  if (words.empty()) return words;
  words = with_option(std::move(words), "--design", pair.design);
  return words + split_words(of.plant);
}

/// What was seen in one of its ways.
struct Told {
  std::string by{};      ///< empty: nothing
  std::string why{};     ///< nothing could be run
  bool crashed = false;  ///< the tool, not the simulation
};

Told tell(const RemovedPair& pair, const std::string& command, const TourPlan& plan, const TemporaryFolder& folder) {
  Told told;
  for (const Words& program : programs_of(pair, command)) {
    const Way way = command == "explore" ? Way::explore_sc : Way::run;
    const Attempt a = hunt(program, way, 1, {.seconds = plan.limit, .shrinks = false}, folder);
    if (a.end == Attempt::End::failed) {
      told.why = a.why;
      told.crashed = told.crashed || a.by.starts_with("crash");
    }
    if (!a.is_found()) continue;
    told.by = a.by;
    break;
  }
  return told;
}

std::string told_text(const Told& told) {
  return !told.by.empty() ? told.by : told.why.empty() ? "nothing" : "nothing (" + told.why + ")";
}

struct Count {
  u64 nr_told = 0, nr_silent = 0, nr_crashed = 0;
};

std::string pair_text(const RemovedPair& pair, const TourPlan& plan, const TemporaryFolder& folder, Count& count) {
  const Told explored = tell(pair, "explore", plan, folder);
  const Told ran = is_interrupted() ? Told{} : tell(pair, "run", plan, folder);
  if (is_interrupted()) return "";
  const bool is_told = !explored.by.empty() || !ran.by.empty();
  ++(explored.crashed || ran.crashed ? count.nr_crashed : is_told ? count.nr_told : count.nr_silent);
  return fmt::format("{} + {} on {}\n", full_name(*pair.a), full_name(*pair.b), pair.design) +
         wrapped(fmt::format("explore: {}; run: {}", told_text(explored), told_text(ran)), 4);
}

}  // namespace

std::vector<Words> programs_of(const RemovedPair& pair, const std::string& command) {
  const bool explores = command == "explore";
  std::vector<Words> all;
  for (const Exhibit* of : {pair.a, pair.b}) {
    all.push_back(program(pair, *of, command));
    // What it is after may be hidden by the other one, and then whatever is forbidden will do.
    if (has_option(all.back(), "--find")) all.push_back(without_option(all.back(), "--find"));
  }
  all.push_back({"--scenario", "mixed", "--design", pair.design});
  std::vector<Words> accepted;
  for (Words& words : all) {
    if (words.empty()) continue;
    words = words + Words{"--without", fmt::format("{},{}", pair.a->safeguard, pair.b->safeguard)};
    const bool is_weak = pair.a->memory == NeededMemory::weak || pair.b->memory == NeededMemory::weak;
    if (explores && is_weak) words = words + Words{"--memory", "weak"};
    if (!(explores ? check_explore(words) : check_run(words))) continue;
    words.insert(words.begin(), command);
    accepted.push_back(std::move(words));
  }
  return accepted;
}

std::vector<RemovedPair> draw_pairs(const std::vector<const Exhibit*>& exhibits, u64 nr, u64 seed) {
  std::vector<RemovedPair> all;
  for (std::size_t i = 0; i < exhibits.size(); ++i) {
    for (std::size_t k = i + 1; k < exhibits.size(); ++k) {
      const bool are_two =
          has_safeguard(exhibits[i]) && has_safeguard(exhibits[k]) && exhibits[i]->safeguard != exhibits[k]->safeguard;
      if (are_two) all.push_back({.a = exhibits[i], .b = exhibits[k], .design = {}});
    }
  }
  Rng rng = Rng::seeded(seed, kStream);
  for (std::size_t i = all.size(); i > 1; --i) std::swap(all[i - 1], all[rng.below(i)]);
  std::vector<RemovedPair> drawn;
  for (RemovedPair& pair : all) {
    if (drawn.size() == nr) break;
    std::vector<std::string> designs{design_of_row(*pair.a), design_of_row(*pair.b)};
    for (const Design& d : kDesigns) designs.emplace_back(d.name);
    for (const std::string& design : designs) {
      pair.design = design;
      if (programs_of(pair, "explore").empty() && programs_of(pair, "run").empty()) continue;
      drawn.push_back(pair);
      break;
    }
  }
  return drawn;
}

int removed_pairs_command(const ZooWords& words, const TourPlan& plan) {
  u64 nr = 50;
  if (auto r = read_count("--pairs", words.pairs, 1, 100000, nr); !r) return fail(kUsage, r.error());
  u64 seed = 1;
  if (auto r = read_count("--seed", words.seed, 0, ~u64{0}, seed); !r) return fail(kUsage, r.error());
  const auto folder = TemporaryFolder::make("hvo-zoo");
  if (!folder) return fail(kResource, folder.error());
  const std::vector<RemovedPair> pairs = draw_pairs(plan.exhibits, nr, seed);
  if (pairs.empty()) return fail(kUsage, "--pairs: no two of these safeguards have a design in common");
  ProgressLine line("hvo-stress");
  const auto start = Clock::now();
  const auto seconds = [start] { return std::chrono::duration<double>(Clock::now() - start).count(); };
  Count count;
  u64 nr_done = 0;
  for (const RemovedPair& pair : pairs) {
    if (is_interrupted() || seconds() >= plan.budget) break;
    if (!words.quiet) line.show(fmt::format("{} of {} pairs, {:.0f} s", nr_done, pairs.size(), seconds()));
    const std::string text = pair_text(pair, plan, *folder, count);
    line.clear();
    if (is_interrupted()) break;
    say(text);
    ++nr_done;
  }
  line.clear();
  say(fmt::format("\n{} of {} pairs (seed {}): {} told, {} silent, {} crashed; {}{}\n", nr_done, pairs.size(), seed,
                  count.nr_told, count.nr_silent, count.nr_crashed, duration_text(seconds()),
                  is_interrupted() ? ", interrupted" : ""));
  if (pairs.size() < nr) say(fmt::format("there are no more than {} pairs with a design in common\n", pairs.size()));
  if (count.nr_silent + count.nr_crashed != 0) return kViolation;
  if (is_interrupted()) return kInterrupted;
  return nr_done == pairs.size() ? kPass : kVacuous;
}

}  // namespace hvo::stress
