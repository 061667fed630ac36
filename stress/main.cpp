// hvo-stress: the command line.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <random>
#include <thread>

#include "stress/report.h"
#include "stress/show.h"

namespace {

using namespace hvo;          // NOLINT
using namespace hvo::stress;  // NOLINT

constexpr int kUsage = 2;
constexpr int kResource = 3;

template <class Row>
std::string names_of(const Row& rows) {
  std::string s;
  for (const auto& row : rows) s += (s.empty() ? "" : ", ") + std::string(row.name);
  return s;
}

int fail(int code, const std::string& why) {
  std::fprintf(stderr, "hvo-stress: %s\n", why.c_str());
  return code;
}

struct Arguments {
  std::string scenario = "mixed", design = "fake-head", geometry = "x86-64", fail_alloc, json;
  std::vector<std::string> without;
  i64 cpus = 0, threads = 0, ops = 0, memory = 0;
  double seconds = 10, hang_timeout = 20;
  u64 seed = 0;
  bool has_ops = false, has_seconds = false, has_seed = false, has_threads = false, has_cpus = false;
};

std::string read_failure_plan(const std::string& text, FailurePlan& plan) {
  const auto colon = text.find(':');
  const std::string mode = text.substr(0, colon);
  const std::string number = colon == std::string::npos ? "" : text.substr(colon + 1);
  if (mode == "nth") plan.mode = FailurePlan::Mode::nth;
  if (mode == "every") plan.mode = FailurePlan::Mode::every;
  if (mode == "rate") plan.mode = FailurePlan::Mode::rate;
  const bool digits =
      !number.empty() && number.size() < 19 && number.find_first_not_of("0123456789") == std::string::npos;
  if (plan.mode == FailurePlan::Mode::none || !digits || std::stoull(number) == 0) {
    return "--fail-alloc takes nth:N, every:N or rate:N with N at least 1, not '" + text + "'";
  }
  plan.n = std::stoull(number);
  return {};
}

/// Fills `o`; returns what is wrong, or nothing.
std::string check(const Arguments& a, RunOptions& o) {
  o.scenario = find_scenario(a.scenario);
  if (o.scenario == nullptr) return "unknown scenario '" + a.scenario + "'; known: " + names_of(scenarios());
  o.machine.design = find_design(a.design);
  if (o.machine.design == nullptr) return "unknown design '" + a.design + "'; known: " + names_of(kDesigns);
  const Geometry* geometry = find_geometry(a.geometry);
  if (geometry == nullptr) return "unknown geometry '" + a.geometry + "'; known: " + names_of(kGeometries);
  o.machine.geometry = *geometry;
  const i64 cpus = a.has_cpus ? a.cpus : o.scenario->default_cpus;
  if (cpus < 1 || cpus > kMaxCpus) return "--cpus must be 1 to 64";
  o.machine.nr_cpus = static_cast<u32>(cpus);
  const i64 cores = std::max(1U, std::thread::hardware_concurrency());
  const i64 threads = a.has_threads ? a.threads : std::min(cpus, cores);
  if (threads < 1 || threads > 256) return "--threads must be 1 to 256";
  o.nr_threads = static_cast<u32>(threads);
  if (a.has_ops && a.has_seconds) return "--seconds and --ops contradict each other: give one";
  if (a.has_ops && a.ops < 1) return "--ops must be at least 1";
  if (!(a.seconds > 0 && a.seconds <= 1e7)) return "--seconds must be more than 0 and at most 10000000";
  if (!(a.hang_timeout > 0 && a.hang_timeout <= 1e7)) return "--hang-timeout must be more than 0";
  if (a.memory < 0 || a.memory > (i64{1} << 20)) return "--memory must be 1 to 1048576 MiB";
  o.machine.memory_pages = (static_cast<u64>(a.memory) << 20) >> geometry->page_shift;
  set_defaults(*o.scenario, o.machine);
  o.seconds = a.seconds;
  o.nr_ops = a.has_ops ? static_cast<u64>(a.ops) : 0;
  o.hang_timeout = a.hang_timeout;
  for (const std::string& name : a.without) {
    const auto* const found = std::ranges::find(kSafeguards, std::string_view(name), &SafeguardInfo::name);
    if (found == kSafeguards.end()) return "unknown safeguard '" + name + "'; known: " + names_of(kSafeguards);
    o.machine.safeguards = o.machine.safeguards.without(found->safeguard);
  }
  if (o.scenario->default_failure_rate != 0) {
    o.machine.failures = {.mode = FailurePlan::Mode::rate, .n = o.scenario->default_failure_rate};
  }
  return a.fail_alloc.empty() ? "" : read_failure_plan(a.fail_alloc, o.machine.failures);
}

int run_command(const Arguments& a) {
  RunOptions o;
  if (const std::string why = check(a, o); !why.empty()) return fail(kUsage, why);
  o.seed = a.has_seed ? a.seed : (u64{std::random_device{}()} << 32 | std::random_device{}());
  const std::string tmp = a.json + ".tmp";
  std::FILE* json = nullptr;
  if (!a.json.empty() && (json = std::fopen(tmp.c_str(), "w")) == nullptr) {
    return fail(kResource, "can't write " + a.json);
  }
  std::printf("seed %llu\n", static_cast<unsigned long long>(o.seed));
  std::fflush(stdout);
  const auto result = run(o);
  if (!result) {
    if (json != nullptr) {
      std::fclose(json);
      std::remove(tmp.c_str());
    }
    return fail(kResource, result.error());
  }
  print_report(stdout, o, *result);
  if (json != nullptr) {
    const bool written = write_json(json, o, *result);
    if (std::fclose(json) != 0 || !written || std::rename(tmp.c_str(), a.json.c_str()) != 0) {
      std::remove(tmp.c_str());
      return fail(kResource, "can't write " + a.json);
    }
  }
  return exit_code(o, *result);
}

}  // namespace

int main(int argc, char** argv) {
  Arguments a;
  CLI::App app("hvo-stress: the simulated kernel's HVO under fire");
  app.require_subcommand(1);
  CLI::App* run_app = app.add_subcommand("run", "run a scenario");
  run_app->add_option("--scenario", a.scenario, "see list");
  run_app->add_option("--design", a.design, "see list");
  CLI::Option* cpus = run_app->add_option("--cpus", a.cpus, "simulated CPUs (default 2)");
  CLI::Option* threads = run_app->add_option("--threads", a.threads, "host threads (default min(cpus, cores))");
  CLI::Option* seconds = run_app->add_option("--seconds", a.seconds, "how long (default 10)");
  CLI::Option* ops = run_app->add_option("--ops", a.ops, "how many operations, instead of --seconds");
  CLI::Option* seed = run_app->add_option("--seed", a.seed, "default: random");
  run_app->add_option("--memory", a.memory, "MiB of modelled memory (default: what the scenario needs)");
  run_app->add_option("--geometry", a.geometry, "x86-64 or tiny");
  run_app->add_option("--fail-alloc", a.fail_alloc, "nth:N, every:N or rate:N");
  run_app->add_option("--without", a.without, "safeguards to remove")->delimiter(',');
  run_app->add_option("--json", a.json, "results as JSON");
  run_app->add_option("--hang-timeout", a.hang_timeout, "seconds without progress (default 20)");
  CLI::App* list_app = app.add_subcommand("list", "scenarios, designs, safeguards");
  CLI::App* show_app = app.add_subcommand("show", "one folio before and after");
  show_app->add_option("--design", a.design, "see list");
  CLI::App* version_app = app.add_subcommand("version", "the version");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    if (e.get_exit_code() == 0) return app.exit(e);
    return fail(kUsage, e.what());
  }
  if (version_app->parsed()) {
    std::puts("hvo-stress " HVO_VERSION);
    return 0;
  }
  if (list_app->parsed()) {
    for (const Scenario& s : scenarios()) std::printf("%-20s %s\n", s.name.data(), s.what.data());
    for (const Design& d : kDesigns) std::printf("design %-13s kernels %s\n", d.name.data(), d.kernels.data());
    for (const SafeguardInfo& s : kSafeguards) std::printf("safeguard %-20s %s\n", s.name.data(), s.what.data());
    return 0;
  }
  if (show_app->parsed()) {
    const Design* design = find_design(a.design);
    if (design == nullptr) return fail(kUsage, "unknown design '" + a.design + "'; known: " + names_of(kDesigns));
    return show(*design);
  }
  a.has_cpus = cpus->count() != 0;
  a.has_threads = threads->count() != 0;
  a.has_seconds = seconds->count() != 0;
  a.has_ops = ops->count() != 0;
  a.has_seed = seed->count() != 0;
  return run_command(a);
}
