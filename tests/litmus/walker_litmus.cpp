// walker_litmus: what exploration finds of a pfn walker against one optimise (walker_race.h).
//   walker_litmus                        the table: every design, walker and knob
//   walker_litmus --design NAME --show   the first schedule that traps, step by step
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>

#include "tests/litmus/step_table.h"

namespace hvo {
namespace {

struct Options {
  std::string design;
  std::string walker;
  std::string flush;
  bool ll_sc = false;
  bool show = false;
  bool all = false;
  u32 preemptions = 2;
};

std::string_view flush_name(FlushBy by) { return by == FlushBy::ipi ? "ipi" : "broadcast"; }

std::string answer(const WalkerRaceResult& r) {
  if (r.nr_trapped == 0) return "none";
  return fmt::format("{} preemption{}", r.least, r.least == 1 ? "" : "s");
}

void print_row(const Options& o, const WalkerRaceConfig& config) {
  WalkerRace race(config);
  const WalkerRaceResult r = race.explore(o.preemptions, !o.all);
  fmt::print("{:<18} {:<11} {:<10} {:<5} {:>9} {:>8} {:>6}  {}\n", config.design->name, walker_name(config.walker),
             flush_name(config.flush_by), config.ll_sc ? "yes" : "no", r.nr_schedules, r.nr_met, r.nr_trapped,
             answer(r));
  std::fflush(stdout);
}

bool is_wanted(const std::string& asked, std::string_view name) { return asked.empty() || asked == name; }

template <class F>
void for_each_race(const Options& o, F f) {
  for (const Design& design : kDesigns) {
    for (const Walker walker : kWalkers) {
      for (const FlushBy by : {FlushBy::ipi, FlushBy::broadcast}) {
        const bool wanted = is_wanted(o.design, design.name) && is_wanted(o.walker, walker_name(walker)) &&
                            is_wanted(o.flush, flush_name(by));
        if (wanted) f(design, walker, by);
      }
    }
  }
}

void print_table(const Options& o) {
  fmt::print("every schedule with at most {} preemptions{}\n", o.preemptions,
             o.all ? "" : ", but for those that differ in nothing");
  fmt::print("{:<18} {:<11} {:<10} {:<5} {:>9} {:>8} {:>6}  {}\n", "design", "walker", "flush", "ll-sc", "schedules",
             "met", "traps", "a trap takes");
  for_each_race(o, [&](const Design& design, Walker walker, FlushBy by) {
    for (const bool ll_sc : {false, true}) {
      if (ll_sc || !o.ll_sc) print_row(o, {&design, walker, by, ll_sc});
    }
  });
}

int show(const Options& o) {
  WalkerRace race({find_design(o.design), o.walker == "filtered" ? Walker::filtered : Walker::unfiltered,
                   o.flush == "broadcast" ? FlushBy::broadcast : FlushBy::ipi, o.ll_sc});
  const WalkerRaceResult r = race.explore(o.preemptions);
  if (r.nr_trapped == 0) {
    fmt::print("no trap in {} schedules\n", r.nr_schedules);
    return 1;
  }
  const auto moments = race.replay(r.witness);
  fmt::print("{}, {} walker, {} of {} schedules trap; one with {}\n", o.design,
             o.walker.empty() ? "unfiltered" : o.walker, r.nr_trapped, r.nr_schedules, answer(r));
  fmt::print("page {} is in use, its count is 1; PTE[{}] will map its struct page, and the hugepage is page 0 on\n\n",
             race.page().v, race.page().v / race.machine().config().geometry.structs_per_page());
  fmt::print("{}", step_table(race, moments));
  return 0;
}

}  // namespace
}  // namespace hvo

int main(int argc, char** argv) {
  hvo::Options o;
  std::vector<std::string> designs;
  for (const hvo::Design& d : hvo::kDesigns) designs.emplace_back(d.name);
  CLI::App app("a pfn walker against one optimise, in every schedule");
  auto* design = app.add_option("--design", o.design)->check(CLI::IsMember(designs));
  app.add_option("--walker", o.walker)->check(CLI::IsMember({"unfiltered", "filtered", "inner"}));
  app.add_option("--flush", o.flush)->check(CLI::IsMember({"ipi", "broadcast"}));
  app.add_flag("--ll-sc", o.ll_sc, "a compare-exchange that fails is no store to the page");
  app.add_option("--preemptions", o.preemptions, "at most so many")->capture_default_str();
  app.add_flag("--all", o.all, "also schedules that differ in nothing");
  app.add_flag("--show", o.show, "the first schedule that traps, step by step")->needs(design);
  CLI11_PARSE(app, argc, argv);
  if (o.show) return hvo::show(o);
  hvo::print_table(o);
  return 0;
}
