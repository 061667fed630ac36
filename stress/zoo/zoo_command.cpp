#include "stress/zoo/zoo_command.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <functional>
#include <utility>

#include "program/exit_codes.h"
#include "program/output_files.h"
#include "program/progress_line.h"
#include "program/signals.h"
#include "stress/command_line.h"
#include "stress/numbers.h"
#include "stress/output.h"
#include "stress/zoo/markdown.h"
#include "stress/zoo/removed_pairs.h"
#include "stress/zoo/table.h"
#include "stress/zoo/tour_json.h"

namespace hvo::stress {

namespace {

constexpr double kUsualBudget = 600;
constexpr double kCanaryBudget = 120;
constexpr double kUsualLimit = 10;
constexpr u64 kUsualSeeds = 10;

std::string today() {
  const std::time_t now = std::time(nullptr);
  std::tm day{};
  gmtime_r(&now, &day);
  return fmt::format("{:04}-{:02}-{:02}", day.tm_year + 1900, day.tm_mon + 1, day.tm_mday);
}

std::expected<void, std::string> read_ways(const ZooWords& w, TourPlan& plan) {
  if (w.detectors.empty()) return {};
  plan.ways.clear();
  for (const Way way : kWays) {
    if (std::ranges::find(w.detectors, way_name(way)) != w.detectors.end()) plan.ways.push_back(way);
  }
  for (const std::string& name : w.detectors) {
    if (find_way(name)) continue;
    std::string known;
    for (const Way way : kWays) known += (known.empty() ? "" : ", ") + std::string(way_name(way));
    return std::unexpected(fmt::format("--detectors: unknown '{}'; known: {}", name, known));
  }
  return {};
}

std::expected<void, std::string> read_exhibits(const ZooWords& w, TourPlan& plan) {
  for (const std::string& name : w.names) {
    const Exhibit* const e = find_exhibit(name);
    if (e == nullptr) return std::unexpected(fmt::format("unknown bug '{}'; known: {}", name, known_exhibits()));
    if (std::ranges::find(plan.exhibits, e) == plan.exhibits.end()) plan.exhibits.push_back(e);
  }
  if (!w.names.empty()) return {};
  for (const Exhibit& e : exhibits()) plan.exhibits.push_back(&e);
  return {};
}

/// What can't be shown at all is a request that can't be met, when it was asked for by name.
std::expected<void, std::string> check_shown(const ZooWords& w, const TourPlan& plan) {
  if (w.names.empty() || w.list) return {};
  for (const ZooRow& row : rows_of(plan)) {
    if (row.is_asked()) continue;
    std::string why(row.exhibit->why_not);
    for (const ZooCell& cell : row.cells) {
      if (why.empty()) why = fmt::format("{}: {}", way_name(cell.way), cell.not_applicable);
    }
    return std::unexpected(fmt::format("{} can't be shown: {}", full_name(*row.exhibit), why));
  }
  return {};
}

int tour_command(const ZooWords& words, const TourPlan& plan, const std::string& command) {
  Tour tour;
  OutputFiles files;
  const std::pair<const std::string&, std::function<std::string()>> outputs[] = {
      {words.json, [&] { return tour_json(tour, command); }},
      {words.markdown, [&] { return tour_markdown(tour, command, today()); }}};
  for (const auto& [path, text] : outputs) {
    const auto opened = files.open(path, text);
    if (!opened) return fail(opened.error().is_usage ? kUsage : kResource, opened.error().why);
  }
  ProgressLine line("hvo-stress");
  const auto start = std::chrono::steady_clock::now();
  auto taken = take_tour(plan, [&](u64 done, u64 of, const std::string& next) {
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    if (!words.quiet) line.show(fmt::format("{} of {} attempts, {:.0f} s: {}", done, of, seconds, next));
  });
  line.clear();
  if (!taken) return fail(kResource, taken.error());
  tour = std::move(*taken);
  bool failed = !say(tour_text(tour));
  for (const std::string& why : files.write_all()) {
    fail(kResource, why);
    failed = true;
  }
  const int code = exit_code(tour, words.canaries);
  return failed && code != kViolation ? kResource : code;
}

}  // namespace

void add_zoo_options(CLI::App& app, ZooWords& w) {
  app.add_option("names", w.names, "bugs, by number (Z2) or safeguard (split-recheck); none: all of them")
      ->type_name("NAME");
  const auto add = [&app](const char* group, const char* name, std::string& to, const char* type, const char* what) {
    app.add_option(name, to, what)->group(group)->type_name(type);
  };
  app.add_option("--detectors", w.detectors, "explore-sc, explore-weak, run, host, tsan (default: all)")
      ->group("What")
      ->type_name("NAME,...")
      ->delimiter(',')
      ->allow_extra_args(false);
  app.add_flag("--canaries", w.canaries, "of each bug the cheapest way, one seed: two minutes; 1 when one is missed")
      ->group("What");
  add("What", "--pairs", w.pairs, "N", "instead: N random pairs of safeguards removed together");
  add("What", "--seed", w.seed, "N", "of the choice of pairs (default 1)");
  app.add_flag("--list", w.list, "only say what would be run, and what can't be")->group("What");
  add("How long", "--budget", w.budget, "TIME",
      "of all, as 90s, 10m or 1h (default 10m); each bug's first seed is first");
  add("How long", "--seeds", w.seeds, "N", "attempts in each cell (default 10)");
  add("How long", "--limit", w.limit, "TIME", "of one attempt (default 10s)");
  add("How", "--tsan", w.tsan, "PROGRAM",
      "hvo-stress of a ThreadSanitizer build (default: that of build/tsan, if built)");
  add("Results", "--json", w.json, "FILE", "everything, as JSON");
  add("Results", "--markdown", w.markdown, "FILE", "a page for readers, as stress/ZOO.md");
  app.add_flag("--quiet", w.quiet, "no status line")->group("Results");
}

std::expected<double, std::string> read_duration(const std::string& option, const std::string& text, double otherwise) {
  if (text.empty()) return otherwise;
  std::string number = text;
  double unit = 1;
  for (const auto& [letter, seconds] : {std::pair{'s', 1.0}, std::pair{'m', 60.0}, std::pair{'h', 3600.0}}) {
    if (text.back() != letter) continue;
    unit = seconds;
    number.pop_back();
  }
  const auto n = real_number(number);
  constexpr double kMost = 7 * 24 * 3600;
  if (!n || !(*n > 0) || *n * unit > kMost) {
    return std::unexpected(fmt::format("{} takes a time such as 90s, 10m or 1h, not '{}'", option, text));
  }
  return *n * unit;
}

std::filesystem::path tsan_beside(const std::filesystem::path& own) {
  // build/PRESET/stress/hvo-stress
  const auto path = own.parent_path().parent_path().parent_path() / "tsan" / "stress" / "hvo-stress";
  return access(path.c_str(), X_OK) == 0 ? path : std::filesystem::path();
}

std::expected<TourPlan, std::string> to_plan(const ZooWords& w) {
  TourPlan plan;
  plan.only_cheapest = w.canaries;
  const auto budget = read_duration("--budget", w.budget, w.canaries ? kCanaryBudget : kUsualBudget);
  if (!budget) return std::unexpected(budget.error());
  plan.budget = *budget;
  const auto limit = read_duration("--limit", w.limit, kUsualLimit);
  if (!limit) return std::unexpected(limit.error());
  plan.limit = *limit;
  plan.nr_seeds = w.canaries ? 1 : kUsualSeeds;
  if (auto r = read_count("--seeds", w.seeds, 1, 10000, plan.nr_seeds); !r) return std::unexpected(r.error());
  if (auto r = read_ways(w, plan); !r) return std::unexpected(r.error());
  if (auto r = read_exhibits(w, plan); !r) return std::unexpected(r.error());
  plan.tsan = w.tsan.empty() ? tsan_beside(own_program()) : std::filesystem::path(w.tsan);
  if (!w.tsan.empty() && access(w.tsan.c_str(), X_OK) != 0) {
    return std::unexpected(fmt::format("--tsan: {} can't be run", w.tsan));
  }
  if (auto r = check_shown(w, plan); !r) return std::unexpected(r.error());
  return plan;
}

int exit_code(const Tour& tour, bool canaries) {
  const Summary n = summary_of(tour);
  if (tour.nr_false_alarms() != 0) return kViolation;
  if (tour.is_interrupted) return kInterrupted;
  if (canaries && !n.uncaught.empty()) return kViolation;
  if (tour.nr_failed() != 0) return kResource;
  return n.uncaught.empty() && n.untried.empty() ? kPass : kVacuous;
}

int zoo_command(const ZooWords& words, const std::string& command) {
  const auto plan = to_plan(words);
  if (!plan) return fail(kUsage, plan.error());
  if (words.list) return say(list_text(rows_of(*plan))) ? kPass : kResource;
  install_interrupt_handlers();
  if (!words.pairs.empty()) return removed_pairs_command(words, *plan);
  return tour_command(words, *plan, command);
}

}  // namespace hvo::stress
