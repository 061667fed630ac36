// walker_litmus: what the exploration of a walker against one optimise finds (walker_race.h).
//   walker_litmus                        the table of all designs
//   walker_litmus --design NAME --show   one schedule that traps, step by step
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>

#include "tests/litmus/walker_race.h"

namespace hvo {
namespace {

struct Options {
  std::string design;
  std::string walker = "unfiltered";
  bool broadcast = false;
  bool ll_sc = false;
  bool show = false;
  bool all = false;
  u32 preemptions = 3;
};

std::string answer(const WalkerRaceResult& r) {
  return r.nr_trapped == 0 ? "clean" : fmt::format("{} traps from {}", r.nr_trapped, r.least);
}

void print_row(const Options& o, const WalkerRaceConfig& config) {
  WalkerRace race(config);
  const WalkerRaceResult r = race.explore(o.preemptions, !o.all);
  fmt::print("{:<18} {:<10} {:<9} {:<5} {:>9} {:>9} {:>9} {:>5}  {}\n", config.design->name, walker_name(config.walker),
             config.flush_by == FlushBy::ipi ? "ipi" : "broadcast", config.ll_sc ? "ll-sc" : "-", r.nr_schedules,
             r.nr_met, r.nr_trapped, r.nr_other, answer(r));
  std::fflush(stdout);
}

}  // namespace
}  // namespace hvo

int main(int argc, char** argv) {
  using namespace hvo;
  Options o;
  CLI::App app("a pfn walker against one optimise, every schedule");
  app.add_option("--design", o.design);
  app.add_option("--preemptions", o.preemptions);
  app.add_flag("--all", o.all);
  CLI11_PARSE(app, argc, argv);
  for (const Design& design : kDesigns) {
    if (!o.design.empty() && o.design != design.name) continue;
    for (const Walker walker : kWalkers) {
      for (const FlushBy by : {FlushBy::ipi, FlushBy::broadcast}) {
        for (const bool ll_sc : {false, true}) print_row(o, {&design, walker, by, ll_sc});
      }
    }
  }
  return 0;
}
