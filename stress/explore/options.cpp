#include "stress/explore/options.h"

#include <fmt/format.h>

#include <algorithm>
#include <thread>

#include "stress/explore/subjects/scenario_subject.h"
#include "stress/numbers.h"

namespace hvo::stress {

namespace {

constexpr double kMostSeconds = 1e7;
constexpr u64 kMostSchedules = u64{1} << 40U;
constexpr u32 kUsualOps = 3;
constexpr double kUsualBudget = 10;

using Checked = std::expected<void, std::string>;
Checked wrong(std::string why) { return std::unexpected(std::move(why)); }

std::string known_subjects() {
  std::string s;
  for (const SmallOp& op : small_ops()) s += (s.empty() ? "" : ", ") + std::string(op.name);
  s = "small operations, one a CPU, joined by '+': " + s + "; scenarios: ";
  bool first = true;
  for (const Scenario& x : scenarios()) {
    s += (first ? "" : ", ") + std::string(x.name);
    first = false;
  }
  return s;
}

Checked read_subject(const ExploreWords& w, ExploreOptions& o) {
  o.subject = w.subject;
  o.scenario = find_scenario(w.subject);
  if (o.scenario != nullptr) return {};
  std::string_view rest = w.subject;
  while (!rest.empty()) {
    const auto plus = std::min(rest.find('+'), rest.size());
    const SmallOp* const op = find_small_op(rest.substr(0, plus));
    if (op == nullptr) return wrong(fmt::format("unknown --scenario '{}'; known: {}", w.subject, known_subjects()));
    o.small_ops.push_back(op);
    rest.remove_prefix(std::min(plus + 1, rest.size()));
    if (rest.empty() && w.subject.ends_with('+'))
      return wrong("--scenario ends with '+': a small operation is missing");
  }
  if (!o.small_ops.empty() && o.small_ops.size() <= kMostCpus) return {};
  return wrong(fmt::format("--scenario takes 1 to {} small operations, not '{}'", kMostCpus, w.subject));
}

Checked read_machine(const ExploreWords& w, ExploreOptions& o) {
  RunWords words = w.run;
  words.scenario = o.scenario != nullptr ? o.scenario->name : kDefaultScenario;
  if (words.seed.empty()) words.seed = "1";
  if (o.scenario == nullptr) {
    if (!w.run.cpus.empty()) return wrong("--cpus: small operations have a CPU each");
    if (!w.run.pool.empty() || w.run.at_boot) {
      return wrong("--pool and --at-boot: small operations have the hugepages that they need");
    }
    if (!w.run.hot_added.empty()) return wrong("--hot-added: small operations have little memory, none hot-added");
  }
  auto run = to_options(words, "");
  if (!run) return std::unexpected(run.error());
  o.machine = run->machine;
  o.search.seed = run->seed;
  if (o.scenario != nullptr) make_small(*o.scenario, !run->pools.empty(), o.machine);
  if (o.machine.nr_cpus > kMostCpus) return wrong(fmt::format("--cpus: an exploration has at most {}", kMostCpus));
  o.machine.recording = false;
  if (o.scenario == nullptr) o.machine.nr_cpus = static_cast<u32>(o.small_ops.size());
  o.machine_words = machine_words(*run, kExploredGeometry);
  return {};
}

u32 usual_preemptions(const ExploreOptions& o) {
  return std::ranges::any_of(o.small_ops, [](const SmallOp* op) { return op->is_long; }) ? 2 : 3;
}

Checked read_search(const ExploreWords& w, ExploreOptions& o) {
  SearchOptions& s = o.search;
  if (w.strategy.empty()) {
    s.strategy = o.scenario != nullptr ? StrategySpec{StrategySpec::Kind::portfolio, 0}
                                       : StrategySpec{StrategySpec::Kind::dfs, usual_preemptions(o)};
  } else {
    const auto spec = parse_strategy(w.strategy);
    if (!spec) return wrong(spec.error());
    s.strategy = *spec;
  }
  s.reduced = !w.no_reduction;
  s.checkpoints = !w.no_checkpoints;
  s.check_determinism = w.check_determinism;
  s.stops_at_witness = !w.keep_going;
  s.seconds = s.strategy.kind == StrategySpec::Kind::dfs && w.schedules.empty() && w.budget.empty() ? 60 : kUsualBudget;
  if (!w.schedules.empty() && w.budget.empty()) s.seconds = 0;
  if (auto r = read_positive("--budget", w.budget, kMostSeconds, s.seconds); !r) return r;
  if (auto r = read_count("--schedules", w.schedules, 1, kMostSchedules, s.nr_schedules); !r) return r;
  if (auto r = read_count("--index", w.index, 0, kMostSchedules, s.first_index); !r) return r;
  if (!w.index.empty() && s.strategy.kind == StrategySpec::Kind::dfs) {
    return wrong("--index is of strategies that draw lots, not of dfs");
  }
  u64 workers = std::max(1U, std::thread::hardware_concurrency());
  if (auto r = read_count("--workers", w.workers, 1, 256, workers); !r) return r;
  s.nr_workers = static_cast<u32>(workers);
  if (!w.find.empty()) {
    const auto* const found = std::ranges::find(kOutcomes, std::string_view(w.find), &Outcome::name);
    if (found == kOutcomes.end()) {
      std::string known;
      for (const Outcome& x : kOutcomes) known += (known.empty() ? "" : ", ") + std::string(x.name);
      return wrong(fmt::format("--find: unknown outcome '{}'; known: {}", w.find, known));
    }
    s.find = found->key;
  }
  return {};
}

Checked read_engine(const ExploreWords& w, ExploreOptions& o) {
  EngineOptions& e = o.search.engine;
  if (!w.memory.empty() && w.memory != "sc" && w.memory != "weak") {
    return wrong(fmt::format("--memory takes sc or weak, not '{}'", w.memory));
  }
  e.weak = w.memory == "weak";
  const auto count = [](const char* name, const std::string& text, u64 least, u64 most, u32& to) -> Checked {
    u64 n = to;
    if (auto r = read_count(name, text, least, most, n); !r) return r;
    to = static_cast<u32>(n);
    return {};
  };
  if (auto r = count("--evict", w.evict, 0, 1000, e.most_evictions); !r) return r;
  if (auto r = count("--fail", w.fail, 0, 1000, e.most_failures); !r) return r;
  if (auto r = count("--max-steps", w.max_steps, 1, 1U << 30U, e.most_steps); !r) return r;
  o.nr_ops = o.scenario != nullptr ? std::min(kUsualOps, o.scenario->ops_per_round) : 1;
  if (o.scenario == nullptr && !w.ops.empty()) return wrong("--ops: a small operation is done once");
  return count("--ops", w.ops, 1, 1'000'000, o.nr_ops);
}

}  // namespace

void add_explore_options(CLI::App& app, ExploreWords& w) {
  const auto add = [&app](const char* group, const char* name, std::string& to, const char* type, const char* what) {
    app.add_option(name, to, what)->group(group)->type_name(type);
  };
  const auto flag = [&app](const char* group, const char* name, bool& to, const char* what) {
    app.add_flag(name, to, what)->group(group);
  };
  add("What", "--scenario", w.subject, "NAME",
      "small operations, one a CPU, as restore+lookup (the default), or a scenario of run");
  add_machine_options(app, w.run);
  add("What", "--ops", w.ops, "N", "operations per CPU, of a scenario (default 3)");
  add("Machine", "--memory", w.memory, "MODEL", "sc, or weak: loads may see older stores (default sc)");
  add("How", "--strategy", w.strategy, "NAME",
      "dfs:PREEMPTIONS, random:N, urw, pct:DEPTH or portfolio (default: dfs for small operations, else portfolio)");
  add("How", "--budget", w.budget, "S", "stop after so many seconds (default 10; dfs 60)");
  add("How", "--schedules", w.schedules, "N", "stop after so many schedules");
  add("How", "--seed", w.run.seed, "N", "of what is drawn by lot (default 1)");
  add("How", "--index", w.index, "N", "first schedule of that seed (default 0)");
  add("How", "--workers", w.workers, "N", "host threads (default: the cores)");
  add("How", "--evict", w.evict, "N", "up to so many TLB entries a schedule are lost for no reason (default 0)");
  add("How", "--fail", w.fail, "N", "up to so many allocations a schedule fail, wherever it hurts (default 0)");
  add("How", "--max-steps", w.max_steps, "N", "a schedule of more steps is endless (default 1048576)");
  add("How", "--find", w.find, "OUTCOME",
      "search for this outcome, as self-head or known-hole (default: any forbidden)");
  flag("How", "--keep-going", w.keep_going, "count all, do not stop at what is searched for");
  flag("How", "--no-reduction", w.no_reduction, "dfs: also schedules that differ in nothing");
  flag("How", "--no-checkpoints", w.no_checkpoints, "dfs: run each schedule from its beginning");
  flag("How", "--check-determinism", w.check_determinism, "run each schedule twice, and compare");
  flag("How", "--no-shrink", w.no_shrink, "leave the schedule that was found as it is");
  flag("How", "--bisect", w.bisect, "exit 125 where nothing can be said (3, 4, 7): for git bisect run");
  flag("How", "--pairs", w.pairs, "every pair of small operations under every design: the table of the README");
  add("Results", "--save", w.save, "FILE", "the schedule that was found, for replay (default hvo-schedule.json)");
  add("Results", "--json", w.json, "FILE", "everything, as JSON");
  add("Results", "--resume", w.resume, "FILE",
      "go on from where the search of that file was broken off, and write there where this one is");
  flag("Results", "--quiet", w.quiet, "no status line");
}

std::expected<ExploreOptions, std::string> to_explore_options(const ExploreWords& w, const std::string& command) {
  ExploreOptions o;
  o.words = w;
  o.command = command;
  o.shrinks = !w.no_shrink;
  o.is_bisecting = w.bisect;
  o.is_quiet = w.quiet;
  for (const auto step : {read_subject, read_machine, read_search, read_engine}) {
    if (auto r = step(w, o); !r) return std::unexpected(r.error());
  }
  return o;
}

std::expected<ExploreOptions, std::string> with_program(const ExploreOptions& options, const ExploreWords& words) {
  auto other = to_explore_options(words, options.command);
  if (other) other->search = options.search;
  return other;
}

MakeSubject subject_maker(const ExploreOptions& o) {
  return [&o] {
    auto subject = o.scenario == nullptr ? make_small_subject(o.machine, o.small_ops)
                                         : make_scenario_subject(*o.scenario, o.machine, o.nr_ops, o.search.seed);
    if (subject && o.search.engine.weak) (*subject)->expect_weak_memory();
    return subject;
  };
}

std::string program_words(const ExploreOptions& o) {
  std::string s = fmt::format("--scenario {}{}", o.subject, o.machine_words);
  if (o.scenario != nullptr) s += fmt::format(" --ops {}", o.nr_ops);
  const EngineOptions& e = o.search.engine;
  if (e.weak) s += " --memory weak";
  if (e.most_evictions != 0) s += fmt::format(" --evict {}", e.most_evictions);
  if (e.most_failures != 0) s += fmt::format(" --fail {}", e.most_failures);
  if (e.most_steps != EngineOptions{}.most_steps) s += fmt::format(" --max-steps {}", e.most_steps);
  return s + fmt::format(" --seed {}", o.search.seed);
}

std::string command_of(const ExploreOptions& o) {
  const SearchOptions& s = o.search;
  std::string c = fmt::format("{} {} --strategy {}", o.command, program_words(o), strategy_text(s.strategy));
  if (s.seconds != 0) c += fmt::format(" --budget {}", s.seconds);
  if (s.nr_schedules != 0) c += fmt::format(" --schedules {}", s.nr_schedules);
  if (s.first_index != 0) c += fmt::format(" --index {}", s.first_index);
  if (s.find) c += fmt::format(" --find {}", kOutcomes[static_cast<unsigned>(*s.find)].name);
  if (!s.reduced) c += " --no-reduction";
  if (!s.checkpoints) c += " --no-checkpoints";
  if (!s.stops_at_witness) c += " --keep-going";
  return c;
}

}  // namespace hvo::stress
