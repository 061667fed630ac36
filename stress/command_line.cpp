#include "stress/command_line.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <random>

#include "core/hvo/design_names.h"
#include "stress/numbers.h"

namespace hvo::stress {

namespace {

constexpr u64 kMostMib = u64{1} << 24;  // 16 TiB
constexpr u64 kMostThreads = 256;
constexpr double kMostSeconds = 1e7;
constexpr u64 kMostCount = u64{1} << 40;

template <class Rows>
std::string names_of(const Rows& rows) {
  std::string s;
  for (const auto& row : rows) s += (s.empty() ? "" : ", ") + std::string(row.name);
  return s;
}

using Checked = std::expected<void, std::string>;

Checked wrong(std::string why) { return std::unexpected(std::move(why)); }

Checked read_failures(const std::string& text, FailurePlan& plan) {
  if (text.empty()) return {};
  plan = {};
  if (text == "none") return {};
  const auto colon = text.find(':');
  const std::string mode = text.substr(0, colon);
  const auto n = whole_number(colon == std::string::npos ? "" : std::string_view(text).substr(colon + 1));
  if (mode == "nth") plan.mode = FailurePlan::Mode::nth;
  if (mode == "every") plan.mode = FailurePlan::Mode::every;
  if (mode == "rate") plan.mode = FailurePlan::Mode::rate;
  if (plan.mode == FailurePlan::Mode::none || !n || *n == 0) {
    return wrong(fmt::format("--fail-alloc takes none, nth:N, every:N or rate:N with N at least 1, not '{}'", text));
  }
  plan.n = *n;
  return {};
}

Checked read_names(const RunWords& w, RunOptions& o) {
  o.scenario = find_scenario(w.scenario);
  if (o.scenario == nullptr) {
    return wrong(fmt::format("unknown scenario '{}'; known: {}", w.scenario, names_of(scenarios())));
  }
  const auto design = design_of(w.design);
  if (!design) return wrong(design.error());
  o.machine.design = *design;
  const auto geometry = geometry_of(w.geometry);
  if (!geometry) return wrong(geometry.error());
  o.machine.geometry = **geometry;
  for (const std::string& name : w.without) {
    const auto* const found = std::ranges::find(kSafeguards, std::string_view(name), &SafeguardInfo::name);
    if (found == kSafeguards.end()) {
      return wrong(fmt::format("unknown safeguard '{}'; known: {}", name, names_of(kSafeguards)));
    }
    o.machine.safeguards = o.machine.safeguards.without(found->safeguard);
  }
  if (!w.flush.empty() && w.flush != "ipi" && w.flush != "broadcast") {
    return wrong(fmt::format("--flush takes ipi or broadcast, not '{}'", w.flush));
  }
  if (w.flush == "broadcast") o.machine.flush_by = FlushBy::broadcast;
  for (const Perturb p : {Perturb::never, Perturb::some, Perturb::always}) {
    if (w.perturb == perturb_name(p)) o.perturb = p;
  }
  if (!w.perturb.empty() && w.perturb != perturb_name(o.perturb)) {
    return wrong(fmt::format("--perturb takes never, some or always, not '{}'", w.perturb));
  }
  if (!w.plant.empty() && w.plant != "hang") return wrong(fmt::format("--plant takes hang, not '{}'", w.plant));
  if (w.plant == "hang") o.plant = Plant::hang;
  return {};
}

Checked read_counts(const RunWords& w, RunOptions& o) {
  u64 cpus = o.scenario->default_cpus;
  if (auto r = read_count("--cpus", w.cpus, 1, kMaxCpus, cpus); !r) return r;
  u64 nodes = 1;
  if (auto r = read_count("--nodes", w.nodes, 1, kMaxNodes, nodes); !r) return r;
  o.machine.nr_nodes = static_cast<u32>(nodes);
  u64 threads = default_threads(static_cast<u32>(cpus));
  if (auto r = read_count("--threads", w.threads, 1, kMostThreads, threads); !r) return r;
  o.machine.nr_cpus = static_cast<u32>(cpus);
  o.nr_threads = static_cast<u32>(threads);
  const int limits = (w.seconds.empty() ? 0 : 1) + (w.ops.empty() ? 0 : 1) + (w.rounds.empty() ? 0 : 1);
  if (limits > 1) return wrong("--seconds, --ops and --rounds contradict each other: give one");
  if (limits == 1) o.seconds = 0;
  if (auto r = read_positive("--seconds", w.seconds, kMostSeconds, o.seconds); !r) return r;
  if (auto r = read_count("--ops", w.ops, 1, kMostCount, o.nr_ops); !r) return r;
  if (auto r = read_count("--rounds", w.rounds, 1, kMostCount, o.nr_rounds); !r) return r;
  o.seed = u64{std::random_device{}()} << 16 | (std::random_device{}() & 0xffff);
  if (auto r = read_count("--seed", w.seed, 0, ~u64{0}, o.seed); !r) return r;
  if (auto r = read_positive("--hang-timeout", w.hang_timeout, kMostSeconds, o.hang_timeout); !r) return r;
  o.machine.failures = default_failures(*o.scenario);
  return read_failures(w.fail_alloc, o.machine.failures);
}

u64 pages_per_mib(const Geometry& g) { return std::max<u64>(1, (u64{1} << 20) >> g.page_shift); }
u64 mib_of(const MachineConfig& m, u64 pages) {
  return align_up(pages, pages_per_mib(m.geometry)) / pages_per_mib(m.geometry);
}
/// A --memory that holds these pools, dealt out to the nodes.
u64 mib_to_ask(const MachineConfig& m, std::vector<PoolRequest> pools) {
  for (PoolRequest& pool : pools) pool.nr = (pool.nr + m.nr_nodes - 1) / m.nr_nodes;
  const u64 mib = mib_needed(pools, m.geometry) * m.nr_nodes;
  return mib_of(m, pages_for_nodes(m.geometry, mib * pages_per_mib(m.geometry), m.nr_nodes));
}

/// Memory that was asked for must split into nodes; what is not asked for is made so.
Checked check_nodes(const RunOptions& o) {
  const MachineConfig& m = o.machine;
  if (m.nr_nodes == 1 || o.memory_mib == 0) return {};
  const u64 fitting = pages_for_nodes(m.geometry, m.memory_pages, m.nr_nodes);
  if (fitting == align_up(m.memory_pages, m.geometry.memory_granule())) return {};
  return wrong(fmt::format("--memory {} can't be split into {} nodes without cutting a hugepage; {} can", o.memory_mib,
                           m.nr_nodes, mib_of(m, fitting)));
}

Checked read_pools(const RunWords& w, RunOptions& o) {
  MachineConfig& m = o.machine;
  if (w.pool.empty()) return {};
  auto pools = parse_pools(w.pool, m.geometry);
  if (!pools) return wrong(pools.error());
  o.pools = std::move(*pools);
  for (std::size_t i = 0; i < o.pools.size(); ++i) {
    const bool is_default = o.pools[i].order == m.geometry.huge_order;
    m.pools[i] = {o.pools[i].order, o.pools[i].nr, is_default ? o.scenario->pools.nr_overcommit : 0};
  }
  return {};
}

/// --memory must hold these pools, if it is given. `what`: "… needs".
Checked check_memory(const RunOptions& o, const std::string& what, const std::vector<PoolRequest>& pools) {
  const u64 needed = mib_needed(pools, o.machine.geometry);
  if (o.memory_mib == 0 && needed > kMostMib) {
    return wrong(fmt::format("{} {} MiB of memory; a machine has {} MiB at most: take a smaller --pool", what, needed,
                             kMostMib));
  }
  if (o.memory_mib == 0 || needed <= o.memory_mib) return {};
  return wrong(
      fmt::format("{} {} MiB, their struct pages included; there are {} MiB: give --memory {} or a smaller --pool",
                  what, needed, o.memory_mib, mib_to_ask(o.machine, pools)));
}

Checked read_memory(const RunWords& w, RunOptions& o) {
  MachineConfig& m = o.machine;
  if (auto r = read_count("--memory", w.memory, 1, kMostMib, o.memory_mib); !r) return r;
  if (auto r = check_memory(o, fmt::format("--pool {} needs", w.pool), o.pools); !r) return r;
  m.memory_pages = o.memory_mib * pages_per_mib(m.geometry);
  if (auto r = check_nodes(o); !r) return r;
  set_defaults(*o.scenario, m);
  std::vector<PoolRequest> wanted;
  wanted.reserve(m.pools.size());
  for (const PoolConfig& p : m.pools) wanted.push_back({p.order, p.nr_huge_pages});
  return check_memory(o, fmt::format("scenario {} wants pools that need", o.scenario->name), wanted);
}

/// Whole PMDs of struct pages, and equal nodes: says so where that is more than was asked for.
Checked read_hot_added(const RunWords& w, RunOptions& o) {
  MachineConfig& m = o.machine;
  if (auto r = read_count("--hot-added", w.hot_added, 1, kMostMib, o.hot_added_mib); !r) return r;
  const u64 hot_added = o.hot_added_mib * pages_per_mib(m.geometry);
  const u64 ordinary = o.memory_mib != 0 ? m.memory_pages : align_up(m.memory_pages, m.geometry.memory_granule());
  m.self_hosted_pages = hot_added;
  m.self_hosted_pages = self_hosted_pages(m);
  m.memory_pages = pages_for_nodes(m.geometry, ordinary + m.self_hosted_pages, m.nr_nodes);
  if ((o.memory_mib == 0 && hot_added == 0) || m.memory_pages == ordinary + hot_added) return {};
  o.note = fmt::format("memory is {} MiB{}: rounded up to whole PMDs of struct pages{}", mib_of(m, m.memory_pages),
                       hot_added == 0 ? "" : fmt::format(", of it {} hot-added", mib_of(m, m.self_hosted_pages)),
                       m.nr_nodes == 1 ? "" : fmt::format(" and {} equal nodes", m.nr_nodes));
  return {};
}

/// False when there is no pool that can be made at boot.
bool move_pools_to_boot(MachineConfig& m) {
  bool any = false;
  for (PoolConfig& pool : m.pools) {
    pool.at_boot = pool.nr_huge_pages != 0 && m.geometry.vmemmap_size(pool.order) % m.geometry.pmd_size() == 0;
    any = any || pool.at_boot;
  }
  return any;
}

Checked read_at_boot(const RunWords& w, RunOptions& o) {
  if (!w.at_boot) return {};
  if (!o.machine.design->populates_boot_pool) {
    return wrong(
        fmt::format("--at-boot: {} makes its pools after boot; fake-head-acquire (from 6.15 on) and shared-tail don't",
                    o.machine.design->name));
  }
  if (move_pools_to_boot(o.machine)) return {};
  return wrong("--at-boot: no pool of a size whose struct pages fill whole PMDs, such as --pool 1G=2");
}

Checked read_mmu(const RunWords& w, RunOptions& o) {
  if (w.mmu.empty() || w.mmu == "software") return {};
  if (w.mmu != "host") return wrong(fmt::format("--mmu takes software or host, not '{}'", w.mmu));
  o.machine.mmu = Mmu::host;
  if (w.ll_sc) return wrong("--mmu host and --ll-sc contradict each other: the host's own stores trap as they do");
  if (o.machine.geometry.page_size() == 4096) return {};
  return wrong(fmt::format("--mmu host needs a geometry of 4 KiB pages, which the host has, not {}", w.geometry));
}

/// What no run of this machine comes to can't be missed.
Checked check_safeguards(const RunWords& /*w*/, RunOptions& o) {
  const MachineConfig& m = o.machine;
  for (const SafeguardInfo& info : kSafeguards) {
    if (m.safeguards.has(info.safeguard)) continue;
    if (m.mmu == Mmu::host && is_about_translations(info.safeguard)) {
      return wrong(fmt::format("--without {} changes nothing with --mmu host, which flushes whenever a mapping changes",
                               info.name));
    }
    if (is_met(info.safeguard, m)) continue;
    if (info.safeguard == Safeguard::boot_range_in_bytes && m.design->populates_boot_pool) {
      return wrong("--without boot-range-bytes changes nothing without --at-boot: no hugepage is made before boot");
    }
    if (info.safeguard == Safeguard::self_hosted_check && m.design->optimizes()) {
      return wrong(
          "--without self-hosted-check changes nothing without --hot-added: no memory holds its own struct pages");
    }
    return wrong(fmt::format("--without {} changes nothing with --design {} on {}: it never gets there", info.name,
                             m.design->name, m.geometry.name));
  }
  return {};
}

}  // namespace

std::expected<void, std::string> read_positive(const std::string& option, const std::string& text, double most,
                                               double& to) {
  if (text.empty()) return {};
  const auto n = real_number(text);
  if (!n || !(*n > 0) || *n > most) {
    return wrong(fmt::format("{} must be more than 0 and at most {:.0f}, not '{}'", option, most, text));
  }
  to = *n;
  return {};
}

std::expected<void, std::string> read_count(const std::string& option, const std::string& text, u64 least, u64 most,
                                            u64& to) {
  if (text.empty()) return {};
  const auto n = whole_number(text);
  if (!n || *n < least || *n > most) {
    return wrong(fmt::format("{} must be {} to {}, not '{}'", option, least, most, text));
  }
  to = *n;
  return {};
}

std::expected<const Geometry*, std::string> geometry_of(const std::string& text) {
  if (const Geometry* g = find_geometry(text)) return g;
  return std::unexpected(fmt::format("unknown geometry '{}'; known: {}", text, names_of(kGeometries)));
}

namespace {

/// Adds options of text that may not be empty.
class OptionAdder {
 public:
  explicit OptionAdder(CLI::App& app) : app_(app) {}
  void operator()(const char* group, const char* name, std::string& to, const char* type, const std::string& what) {
    const CLI::Validator something([](const std::string& text) { return std::string(text.empty() ? "is empty" : ""); },
                                   "");
    app_.add_option(name, to, what)->group(group)->type_name(type)->check(something);
  }
  void flag(const char* group, const char* name, bool& to, const char* what) {
    app_.add_flag(name, to, what)->group(group);
  }

 private:
  CLI::App& app_;
};

}  // namespace

void add_machine_options(CLI::App& app, RunWords& w) {
  OptionAdder add(app);
  add("What", "--design", w.design, "NAME", "generation of HVO, or a kernel version such as 6.12 (default fake-head)");
  add("What", "--geometry", w.geometry, "NAME", fmt::format("page and hugepage sizes (default {})", w.geometry));
  add("What", "--pool", w.pool, "SIZE=N,...", "hugepages from the start, as 2M=512,1G=2 (default: the scenario's)");
  add("What", "--nodes", w.nodes, "N", "NUMA nodes of the machine, memory and CPUs shared out evenly (default 1)");
  add.flag("What", "--at-boot", w.at_boot,
           "gigantic pools as by hugepages= at boot: optimised from the start if the design can");
  add("What", "--hot-added", w.hot_added, "MIB", "further memory that holds its own struct pages: not optimised");
  add("Who", "--cpus", w.cpus, "N", "simulated CPUs (default 2)");
  add("Machine", "--flush", w.flush, "HOW", "ipi (x86) or broadcast (arm64) TLB flushes (default ipi)");
  add.flag("Machine", "--ll-sc", w.ll_sc, "a compare-exchange that fails does not store, so it does not trap");
  add.flag("Machine", "--break-before-make", w.break_before_make,
           "forbid what arm64 forbids: one valid PTE after another");
  add("Trouble", "--fail-alloc", w.fail_alloc, "PLAN", "fail allocations: nth:N, every:N, rate:N or none");
  app.add_option("--without", w.without, "remove safeguards: a bug that the run must find")
      ->group("Trouble")
      ->type_name("NAME,...")
      ->delimiter(',')
      ->allow_extra_args(false);
}

void add_run_options(CLI::App& app, RunWords& w) {
  OptionAdder add(app);
  add("What", "--scenario", w.scenario, "NAME", "what happens (default mixed); hvo-stress list shows all");
  add_machine_options(app, w);
  add("What", "--memory", w.memory, "MIB", "modelled memory (default: what pools and scenario need)");
  add("How long", "--seconds", w.seconds, "S", "stop after so long (default 10)");
  add("How long", "--ops", w.ops, "N", "or after so many operations");
  add("How long", "--rounds", w.rounds, "N", "or after so many rounds, a fresh machine each");
  add.flag("How long", "--stop-at-first", w.stop_at_first, "or at the first forbidden outcome");
  add("Who", "--threads", w.threads, "N", "host threads (default: the smaller of CPUs and cores)");
  add("Luck", "--seed", w.seed, "N", "of the first round; the next one has the next seed (default random)");
  add.flag("Luck", "--swarm", w.swarm, "each round runs a random half of the actors, weighed anew");
  add("Luck", "--perturb", w.perturb, "WHEN",
      "never, some or always: delay CPUs in the middle of things (default some)");
  add("Machine", "--mmu", w.mmu, "WHICH",
      "software, or host: each PTE change is an mmap, a store to a tail a real SIGSEGV; no stale translations there");
  add("Trouble", "--hang-timeout", w.hang_timeout, "S", "a CPU that finishes nothing for so long hangs (default 20)");
  add("Results", "--json", w.json, "FILE", "everything, as JSON");
  add("Results", "--ktap", w.ktap, "FILE", "KTAP, as kernel tests print it");
  add("Results", "--junit", w.junit, "FILE", "JUnit XML");
  add.flag("Results", "--quiet", w.quiet, "no status line");
  app.add_option("--plant", w.plant)->group("");  // hidden: defects of the tool itself, for its tests
}

std::expected<RunOptions, std::string> to_options(const RunWords& w, const std::string& command) {
  RunOptions o;
  o.command = command;
  o.swarm = w.swarm;
  o.stops_at_first = w.stop_at_first;
  o.is_quiet = w.quiet;
  o.machine.memory_pages = 0;
  o.machine.ll_sc = w.ll_sc;
  o.machine.break_before_make = w.break_before_make;
  for (const auto step :
       {read_names, read_counts, read_pools, read_memory, read_hot_added, read_at_boot, read_mmu, check_safeguards}) {
    if (auto r = step(w, o); !r) return std::unexpected(r.error());
  }
  return o;
}

}  // namespace hvo::stress
