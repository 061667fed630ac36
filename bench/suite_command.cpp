#include "bench/suite_command.h"

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <optional>

#include "bench/command_line.h"
#include "bench/json.h"
#include "program/exit_codes.h"
#include "program/progress_line.h"
#include "program/signals.h"

namespace hvo::bench {

namespace {

struct SuiteArguments {
  bool quick = false, list = false, summary = false, table = false;
  std::optional<i64> rounds, hugepages;
  std::string json;
  std::vector<std::string> library;  ///< --benchmark_…

  bool has(std::string_view flag) const {
    return std::ranges::any_of(library, [&](const std::string& a) { return a.starts_with(flag); });
  }
  /// A filter asks for some rows of the table, and no summary.
  bool wants_summary() const { return summary || !(table || has("--benchmark_filter")); }
  bool wants_table() const { return !summary; }
};

/// What is wrong with the arguments, or nothing.
std::string check(const SuiteArguments& a) {
  for (const std::string& arg : a.library) {
    if (!arg.starts_with("--benchmark_")) return "unknown argument '" + arg + "'; --help lists the options";
  }
  if (a.summary && a.table) return "--summary and --table contradict each other: both are printed without them";
  if (a.summary && !a.library.empty()) return "--summary runs nothing under Google Benchmark: no " + a.library[0];
  if (a.rounds && (*a.rounds < 3 || *a.rounds > 10001)) return "--rounds must be 3 to 10001";
  if (a.hugepages && (*a.hugepages < 8 || *a.hugepages > 1 << 20)) return "--hugepages must be 8 to 1048576";
  return {};
}

Scale scale_of(const SuiteArguments& a) {
  Scale scale = a.quick ? quick_scale() : Scale{};
  if (a.rounds) scale.nr_rounds = static_cast<unsigned>(*a.rounds);
  if (a.hugepages) scale.nr_hugepages = static_cast<u64>(*a.hugepages);
  return scale;
}

/// Hands the library its flags; false when it did not take one, which it has then named.
bool initialise_library(const SuiteArguments& a, const Scale& scale) {
  // First, so that the user's own --benchmark_min_time wins.
  std::vector<std::string> texts{"hvo-bench", fmt::format("--benchmark_min_time={}", scale.table_seconds)};
  texts.insert(texts.end(), a.library.begin(), a.library.end());
  std::vector<char*> argv;
  argv.reserve(texts.size() + 1);
  for (std::string& text : texts) argv.push_back(text.data());
  auto argc = static_cast<int>(argv.size());
  argv.push_back(nullptr);
  benchmark::Initialize(&argc, argv.data());
  return !benchmark::ReportUnrecognizedArguments(argc, argv.data());
}

int list(const Suite& suite) {
  for (const Arm& arm : suite.arms()) fmt::print("{:<60} {}\n", arm.name, arm.what);
  return 0;
}

int run(const SuiteArguments& a) {
  const Scale scale = scale_of(a);
  Suite suite(scale);
  if (a.list) return list(suite);
  if (!initialise_library(a, scale)) return kUsage;
  register_arms(suite);
  if (a.has("--benchmark_list_tests")) {
    run_table(false);
    return 0;
  }
  install_interrupt_handlers();
  OutputFiles files;
  std::string content;
  if (const auto code = open_result(files, a.json, content)) return *code;
  if (const std::string why = why_times_mean_nothing(); !why.empty()) fmt::print("Times mean nothing: {}\n", why);
  const Facts facts = environment();
  if (auto prepared = suite.prepare(); !prepared) return fail(kResource, prepared.error());

  Table table;
  if (a.wants_table()) {
    table = run_table(!a.has("--benchmark_format"));
    if (table.nr_matched == 0) return fail(kUsage, "no benchmark has such a name; --list prints them all");
  }
  std::optional<Summary> summary;
  if (a.wants_summary()) {
    ProgressLine line("hvo-bench");
    auto measured = measure_summary(
        suite, [&line](u64 done, u64 total) { line.show(fmt::format("summary: {} of {} comparisons", done, total)); });
    line.clear();
    if (!measured) return fail(kResource, measured.error());
    summary = std::move(*measured);
    summary->judges = !a.quick;
  }
  content = to_json(facts, scale, table.rows, summary ? &*summary : nullptr);
  const auto unwritten = write_result(files);
  if (summary) print_summary(stdout, *summary, facts);
  if (unwritten) return *unwritten;
  return is_interrupted() ? kInterrupted : 0;
}

}  // namespace

int suite_main(int argc, char** argv) {
  SuiteArguments a;
  CLI::App app("hvo-bench: what lookups, folios and frames cost; then a summary of ratios and goals");
  app.footer(
      "Commands, each with a --help of its own:\n"
      "  compare     what a lookup costs in each design: paired processes, intervals, a verdict\n"
      "  counts      instructions, loads and branches of one lookup, on each path\n"
      "  operations  whole folios in each design, beside the kernel's published ratios\n"
      "  savings     frames and memory that each design saves, measured, up to 1 TiB\n"
      "  report      one block for a mail, from files that --json wrote\n"
      "--benchmark_filter=REGEX and the other --benchmark_... options are Google Benchmark's.\n"
      "Ctrl-C ends the measuring: what was measured is printed and written. A missed goal is no failure.\n" +
      std::string(kExitCodes));
  app.allow_extras();
  app.add_flag("--quick", a.quick, "everything in seconds, too short to judge a goal");
  app.add_flag("--list", a.list, "name every benchmark, run none");
  app.add_flag("--summary", a.summary, "the summary only");
  app.add_flag("--table", a.table, "the table only (also with --benchmark_filter)");
  app.add_option("--rounds", a.rounds, "rounds of each comparison of the summary (default 31)")->type_name("N");
  app.add_option("--hugepages", a.hugepages, "2 MiB hugepages that lookups range over (default 1024)")->type_name("N");
  app.add_option("--json", a.json, "also write the results to this file")->type_name("FILE");
  app.set_version_flag("--version", "hvo-bench " HVO_VERSION);
  if (const auto code = parse(app, argc, argv)) return *code;
  a.library = app.remaining();
  if (const std::string why = check(a); !why.empty()) return fail(kUsage, why);
  return run(a);
}

}  // namespace hvo::bench
