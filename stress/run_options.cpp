#include "stress/run_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <thread>

namespace hvo::stress {

std::string quoted(std::string_view word) {
  constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./=:,+-@%";
  if (!word.empty() && word.find_first_not_of(kPlain) == std::string_view::npos) return std::string(word);
  std::string s = "'";
  for (const char c : word) {
    if (c == '\'') {
      s += "'\\''";
    } else {
      s += c;
    }
  }
  return s + "'";
}

u32 default_threads(u32 nr_cpus) { return std::min(nr_cpus, std::max(1U, std::thread::hardware_concurrency())); }

FailurePlan default_failures(const Scenario& scenario) {
  if (scenario.default_failure_rate == 0) return {};
  return {.mode = FailurePlan::Mode::rate, .n = scenario.default_failure_rate};
}

std::string failures_text(const FailurePlan& plan) {
  switch (plan.mode) {
    case FailurePlan::Mode::none: break;
    case FailurePlan::Mode::nth: return fmt::format("nth:{}", plan.n);
    case FailurePlan::Mode::every: return fmt::format("every:{}", plan.n);
    case FailurePlan::Mode::rate: return fmt::format("rate:{}", plan.n);
  }
  return "none";
}

std::string removed_text(const Safeguards& safeguards) {
  std::string s;
  for (const SafeguardInfo& info : kSafeguards) {
    if (!safeguards.has(info.safeguard)) s += (s.empty() ? "" : ",") + std::string(info.name);
  }
  return s;
}

std::string machine_words(const RunOptions& o, std::string_view geometry) {
  std::string s;
  const MachineConfig& m = o.machine;
  if (m.design->name != kDefaultDesign) s += fmt::format(" --design {}", m.design->name);
  if (m.nr_cpus != o.scenario->default_cpus) s += fmt::format(" --cpus {}", m.nr_cpus);
  if (o.nr_threads != default_threads(m.nr_cpus)) s += fmt::format(" --threads {}", o.nr_threads);
  if (m.geometry.name != geometry) s += fmt::format(" --geometry {}", m.geometry.name);
  if (m.nr_nodes != 1) s += fmt::format(" --nodes {}", m.nr_nodes);
  if (!o.pools.empty()) s += fmt::format(" --pool {}", pools_text(o.pools, m.geometry));
  if (o.memory_mib != 0) s += fmt::format(" --memory {}", o.memory_mib);
  if (std::ranges::any_of(m.pools, &PoolConfig::at_boot)) s += " --at-boot";
  if (o.hot_added_mib != 0) s += fmt::format(" --hot-added {}", o.hot_added_mib);
  if (m.flush_by == FlushBy::broadcast) s += " --flush broadcast";
  if (m.mmu == Mmu::host) s += " --mmu host";
  if (m.ll_sc) s += " --ll-sc";
  if (m.break_before_make) s += " --break-before-make";
  const std::string failures = failures_text(m.failures);
  if (failures != failures_text(default_failures(*o.scenario))) s += fmt::format(" --fail-alloc {}", failures);
  if (const std::string removed = removed_text(m.safeguards); !removed.empty()) {
    s += fmt::format(" --without {}", removed);
  }
  if (o.swarm) s += " --swarm";
  if (o.perturb != Perturb::some) s += fmt::format(" --perturb {}", perturb_name(o.perturb));
  if (o.hang_timeout != RunOptions{}.hang_timeout) s += fmt::format(" --hang-timeout {}", o.hang_timeout);
  if (o.plant == Plant::hang) s += " --plant hang";
  return s;
}

std::string command_of_machine(const RunOptions& o) {
  const std::string scenario =
      o.scenario->name == kDefaultScenario ? "" : fmt::format(" --scenario {}", o.scenario->name);
  return o.command + scenario + machine_words(o, kGeometries[0].name);
}

std::string command_of(const RunOptions& o) {
  std::string s = command_of_machine(o);
  if (o.nr_rounds != 0) s += fmt::format(" --rounds {}", o.nr_rounds);
  if (o.nr_ops != 0) s += fmt::format(" --ops {}", o.nr_ops);
  if (o.seconds != 0 && o.seconds != RunOptions{}.seconds) s += fmt::format(" --seconds {}", o.seconds);
  if (o.stops_at_first) s += " --stop-at-first";
  return s + fmt::format(" --seed {}", o.seed);
}

std::string sibling_command(const std::string& command, std::string_view name) {
  return fmt::format("{} {}", command.substr(0, command.rfind(' ')), name);
}

std::string command_of_exploration(const RunOptions& o, u64 nth) {
  RunOptions plain = o;
  plain.nr_threads = default_threads(o.machine.nr_cpus);
  plain.machine.mmu = Mmu::software;
  plain.swarm = false;
  plain.perturb = RunOptions{}.perturb;
  plain.hang_timeout = RunOptions{}.hang_timeout;
  plain.plant = Plant::none;
  plain.memory_mib = 0;
  // Sizes of hugepages mean something in their own geometry only.
  const std::string_view unnamed = o.pools.empty() ? kGeometries[0].name : kExploredGeometry;
  return fmt::format("{} --scenario {}{} --seed {}", sibling_command(o.command, "explore"), o.scenario->name,
                     machine_words(plain, unnamed), o.seed_of_round(nth));
}

std::string command_of_round(const RunOptions& o, u64 nth) {
  return command_of_machine(o) + fmt::format(" --rounds 1 --seed {}", o.seed_of_round(nth));
}

}  // namespace hvo::stress
