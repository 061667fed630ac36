#include "stress/run_options.h"

#include <fmt/format.h>

#include <algorithm>

namespace hvo::stress {

namespace {

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

}  // namespace

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

std::string command_of_machine(const RunOptions& o) {
  std::string s = fmt::format("{} run --scenario {} --design {} --cpus {} --threads {}", quoted(o.program),
                              o.scenario->name, o.machine.design->name, o.machine.nr_cpus, o.nr_threads);
  if (o.machine.geometry.name != kGeometries[0].name) s += fmt::format(" --geometry {}", o.machine.geometry.name);
  if (o.machine.nr_nodes != 1) s += fmt::format(" --nodes {}", o.machine.nr_nodes);
  if (!o.pools.empty()) s += fmt::format(" --pool {}", pools_text(o.pools, o.machine.geometry));
  if (o.memory_mib != 0) s += fmt::format(" --memory {}", o.memory_mib);
  if (std::ranges::any_of(o.machine.pools, &PoolConfig::at_boot)) s += " --at-boot";
  if (o.hot_added_mib != 0) s += fmt::format(" --hot-added {}", o.hot_added_mib);
  if (o.machine.flush_by == FlushBy::broadcast) s += " --flush broadcast";
  if (o.machine.ll_sc) s += " --ll-sc";
  if (o.machine.break_before_make) s += " --break-before-make";
  const std::string failures = failures_text(o.machine.failures);
  if (failures != failures_text(default_failures(*o.scenario))) s += fmt::format(" --fail-alloc {}", failures);
  if (const std::string removed = removed_text(o.machine.safeguards); !removed.empty()) {
    s += fmt::format(" --without {}", removed);
  }
  if (o.swarm) s += " --swarm";
  if (o.perturb != Perturb::some) s += fmt::format(" --perturb {}", perturb_name(o.perturb));
  if (o.hang_timeout != RunOptions{}.hang_timeout) s += fmt::format(" --hang-timeout {}", o.hang_timeout);
  if (o.plant == Plant::hang) s += " --plant hang";
  return s;
}

std::string command_of(const RunOptions& o) {
  std::string s = command_of_machine(o);
  if (o.nr_rounds != 0) s += fmt::format(" --rounds {}", o.nr_rounds);
  if (o.nr_ops != 0) s += fmt::format(" --ops {}", o.nr_ops);
  if (o.seconds != 0) s += fmt::format(" --seconds {}", o.seconds);
  return s + fmt::format(" --seed {}", o.seed);
}

std::string command_of_round(const RunOptions& o, u64 nth) {
  return command_of_machine(o) + fmt::format(" --rounds 1 --seed {}", o.seed_of_round(nth));
}

}  // namespace hvo::stress
