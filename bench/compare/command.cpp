#include "bench/compare/command.h"

#include <fmt/format.h>

#include <algorithm>

#include "bench/command_line.h"
#include "bench/compare/driver.h"
#include "bench/compare/table.h"
#include "program/progress_line.h"
#include "program/signals.h"

namespace hvo::bench {

namespace {

struct CompareArguments {
  bool quick = false;
  bool plant = false;
  bool list = false;
  bool all = false;
  std::optional<double> budget_s;
  u64 seed = 1;
  std::vector<std::string> from;
  std::string json;
};

Plan plan_of(const CompareArguments& a) {
  Plan plan;
  plan.extent = a.quick ? Extent::quick : Extent::all;
  plan.budget = std::chrono::seconds(a.quick ? 20 : 300);
  if (a.budget_s) plan.budget = std::chrono::seconds(static_cast<i64>(*a.budget_s));
  plan.seed = a.seed;
  plan.plant = a.plant;
  for (const std::string_view design : compared_designs()) plan.designs.emplace_back(design);
  plan.placements = find_placements();
  return plan;
}

/// The time left, and a bar where there is a terminal.
std::string bar_text(std::chrono::seconds budget, u64 nr_processes, std::chrono::duration<double> passed,
                     bool with_bar) {
  constexpr std::size_t kWidth = 40;
  const double all = std::chrono::duration<double>(budget).count();
  const auto left = static_cast<i64>(std::max(0.0, all - passed.count()));
  std::string text = fmt::format("{} processes, {} s left", nr_processes, left);
  if (!with_bar) return text;
  const auto full = static_cast<std::size_t>(std::min(1.0, passed.count() / all) * kWidth);
  return fmt::format("[{}{}] {}", std::string(full, '#'), std::string(kWidth - full, '.'), text);
}

int list() {
  for (const Case& c : cases_of(Extent::all)) {
    fmt::print("{}\n", c.name());
    std::vector<std::string> names;
    for (const std::string_view design : compared_designs()) {
      for (const Cell& cell : cells_of(c, design, true, false, false)) {
        if (std::ranges::find(names, cell.name) == names.end()) names.push_back(cell.name);
      }
    }
    for (const std::string& name : names) fmt::print("  {}\n", name);
  }
  return 0;
}

void print_all(const Recording& recording) {
  print_headline(stdout, recording);
  print_protocol(stdout, recording);
  if (recording.extent == Extent::all) print_cases(stdout, recording);
}

int from_files(const std::vector<std::string>& paths) {
  std::vector<Recording> recordings;
  for (const std::string& path : paths) {
    auto recording = read_recording(path);
    if (!recording) return fail(kResource, recording.error());
    recordings.push_back(std::move(*recording));
  }
  if (recordings.size() == 1) {
    print_all(recordings[0]);
    return can_tell(recordings[0]) ? kPass : kVacuous;
  }
  print_change(stdout, recordings[0], recordings[1]);
  return can_tell(recordings[0]) && can_tell(recordings[1]) ? kPass : kVacuous;
}

int measure(const CompareArguments& a) {
  const Plan plan = plan_of(a);
  install_interrupt_handlers();
  OutputFiles files;
  std::string content;
  if (const auto code = open_result(files, a.json, content)) return *code;
  if (const std::string why = why_times_mean_nothing(); !why.empty()) fmt::print("Times mean nothing: {}\n", why);
  if (plan.placements.empty()) {
    fmt::print(stderr, "hvo-bench: no kernels/ beside the program: one placement only, so intervals are too narrow\n");
  }
  ProgressLine line("hvo-bench");
  auto recording = run_plan(plan, [&](u64 n, std::chrono::duration<double> passed) {
    line.show(bar_text(plan.budget, n, passed, line.is_terminal()));
  });
  line.clear();
  if (!recording) return fail(kResource, recording.error());
  content = to_json(*recording);
  const auto unwritten = write_result(files);
  print_all(*recording);
  if (unwritten) return *unwritten;
  if (is_interrupted()) return kInterrupted;
  if (recording->is_partial) return kResource;
  return can_tell(*recording) ? kPass : kVacuous;
}

std::string check(const CompareArguments& a) {
  if (a.from.size() > 2) return "--from takes one file or two, not " + std::to_string(a.from.size());
  const bool measures = a.quick || a.plant || a.budget_s || !a.json.empty();
  if (!a.from.empty() && measures) return "--from measures nothing: no --quick, --budget, --planted or --json with it";
  return {};
}

}  // namespace

int compare_main(int argc, char** argv) {
  CompareArguments a;
  CLI::App app("What compound_head() and its kin cost in each design, against a kernel without HVO");
  app.name("hvo-bench compare");
  app.footer(
      "Ratios of paired runs in fresh processes over several placements of the code, with an\n"
      "interval of 95 % and the noise of two identical baselines. bench/COMPARE.md explains.\n"
      "A headline row that can't be told is 7. Ctrl-C: what was measured is printed and written.\n" +
      std::string(kExitCodes));
  app.add_flag("--quick", a.quick, "the headline only, in 20 s");
  app.add_option("--budget", a.budget_s, "how long to measure: 90s, 5m (default 5m)")
      ->transform(CLI::AsNumberWithUnit(std::map<std::string, double>{{"s", 1}, {"m", 60}, {"h", 3600}}))
      ->type_name("TIME");
  app.add_option("--seed", a.seed, "of placements and orders (default 1)")->type_name("N");
  app.add_flag("--planted", a.plant, "with an arm that does 3 % more than it reports: is it found?");
  app.add_option("--json", a.json, "also write everything that was measured to this file")->type_name("FILE");
  app.add_option("--from", a.from, "print a file that --json wrote; of two, how ratios changed")->type_name("FILE...");
  app.add_flag("--list", a.list, "name every case and cell, measure none");
  if (const auto code = parse(app, argc, argv)) return *code;
  if (const std::string why = check(a); !why.empty()) return fail(kUsage, why);
  if (a.budget_s && (*a.budget_s < 1 || *a.budget_s > 86400))
    return fail(kUsage, "--budget must be a second to 24 hours");
  if (a.list) return list();
  return a.from.empty() ? measure(a) : from_files(a.from);
}

int compare_worker_main(int argc, char** argv) {
  const auto job = job_from({argv, argv + argc});
  if (!job) return fail(kUsage, job.error());
  const auto measured = run_job(*job);
  if (!measured) return fail(kResource, measured.error());
  fmt::print("{}\n", to_line(*measured));
  return 0;
}

}  // namespace hvo::bench
