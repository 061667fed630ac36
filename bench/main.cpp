// hvo-bench: the command line.
#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>

#include "bench/interrupt.h"
#include "bench/json.h"
#include "bench/output_file.h"
#include "bench/savings/command.h"

namespace {

using namespace hvo;         // NOLINT(google-build-using-namespace): the program's own
using namespace hvo::bench;  // NOLINT(google-build-using-namespace): likewise

constexpr int kUsage = 2;
constexpr int kResource = 3;
constexpr int kInterrupted = 130;

int fail(int code, const std::string& why) {
  fmt::print(stderr, "hvo-bench: {}\n", why);
  return code;
}

struct Arguments {
  bool quick = false, list = false, summary = false, table = false;
  i64 rounds = 0, hugepages = 0;
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
std::string check(const Arguments& a) {
  for (const std::string& arg : a.library) {
    if (!arg.starts_with("--benchmark_")) return "unknown argument '" + arg + "'; --help lists the options";
  }
  if (a.summary && a.table) return "--summary and --table contradict each other: both are printed without them";
  if (a.summary && !a.library.empty()) return "--summary runs nothing under Google Benchmark: no " + a.library[0];
  if (a.rounds != 0 && (a.rounds < 3 || a.rounds > 10001)) return "--rounds must be 3 to 10001";
  if (a.hugepages != 0 && (a.hugepages < 8 || a.hugepages > 1 << 20)) return "--hugepages must be 8 to 1048576";
  return {};
}

Scale scale_of(const Arguments& a) {
  Scale scale = a.quick ? quick_scale() : Scale{};
  if (a.rounds != 0) scale.nr_rounds = static_cast<unsigned>(a.rounds);
  if (a.hugepages != 0) scale.nr_hugepages = static_cast<u64>(a.hugepages);
  return scale;
}

/// Hands the library its flags; false when it did not take one, which it has then named.
bool initialise_library(const Arguments& a, const Scale& scale) {
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

/// Shows on stderr how far the summary is: in place on a terminal, else a line every five seconds.
class Progress {
 public:
  void operator()(u64 done, u64 total) {
    const auto now = std::chrono::steady_clock::now();
    if (isatty(STDERR_FILENO) != 0) {
      fmt::print(stderr, "\r{}", done < total ? fmt::format("summary: {} of {} comparisons", done, total) : "\033[K");
    } else if (now - last_ >= std::chrono::seconds(5)) {
      fmt::print(stderr, "hvo-bench: summary: {} of {} comparisons\n", done, total);
      last_ = now;
    }
  }

 private:
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

int list(const Suite& suite) {
  for (const Arm& arm : suite.arms()) fmt::print("{:<60} {}\n", arm.name, arm.what);
  return 0;
}

int run(const Arguments& a) {
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
  auto json = OutputFile::create(a.json);
  if (!json) return fail(kResource, json.error());
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
    auto measured = measure_summary(suite, Progress{});
    if (!measured) return fail(kResource, measured.error());
    summary = std::move(*measured);
    print_summary(stdout, *summary, facts);
  }
  if (!json->finish(to_json(facts, scale, table.rows, summary ? &*summary : nullptr))) {
    return fail(kResource, "can't write " + a.json);
  }
  return is_interrupted() ? kInterrupted : 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1 && argv[1] == std::string_view("savings")) return savings::savings_main(argc - 1, argv + 1);
  Arguments a;
  CLI::App app("hvo-bench: what lookups, folios and frames cost; then a summary of ratios and goals");
  app.footer(
      "--benchmark_filter=REGEX and the other --benchmark_... options are Google Benchmark's.\n"
      "Exit codes: 0 measured (a missed goal too), 2 usage, 3 resource missing,\n"
      "130 interrupted: what was measured until then is printed and written.");
  app.allow_extras();
  app.add_flag("--quick", a.quick, "everything in seconds, too short to be precise");
  app.add_flag("--list", a.list, "name every benchmark, run none");
  app.add_flag("--summary", a.summary, "the summary only");
  app.add_flag("--table", a.table, "the table only (also with --benchmark_filter)");
  app.add_option("--rounds", a.rounds, "rounds of each comparison of the summary (default 31)");
  app.add_option("--hugepages", a.hugepages, "2 MiB hugepages that lookups range over (default 1024)");
  app.add_option("--json", a.json, "also write the results to this file");
  app.set_version_flag("--version", "hvo-bench " HVO_VERSION);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    if (e.get_exit_code() == 0) return app.exit(e);
    return fail(kUsage, e.what());
  }
  a.library = app.remaining();
  if (const std::string why = check(a); !why.empty()) return fail(kUsage, why);
  return run(a);
}
