#include "bench/savings/build.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "bench/host_memory.h"
#include "core/machine/machine.h"

namespace hvo::bench::savings {

namespace {

/// Looks at the watch so often while a pool is made; and gives memory back in so many parts, so that little waits for
/// it.
constexpr u64 kLooks = 256;
constexpr u64 kLooksPerGiveBack = 16;

using Clock = std::chrono::steady_clock;
double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

Resident resident(const Machine& machine) {
  return {.frames = machine.memory().resident_bytes(), .beside = resident_bytes(machine.arena().bytes())};
}

/// The hugepages of a plan, made step by step.
class PoolBuilder {
 public:
  PoolBuilder(Machine& machine, const Plan& plan) : machine_(machine), cpu_(machine.cpu(0)), plan_(plan) {}

  /// False: it was stopped. Error: one line for the user.
  std::expected<bool, std::string> run(const Watch& watch, Built& built) {
    const u64 all = plan_.nr_hugepages();
    const u64 step = std::max<u64>(1, all / kLooks);
    u64 nr_looks = 0;
    for (u64 made = 0; made != all;) {
      if (!watch(Stage::pool, made, all)) return false;
      const u64 wanted = std::min(made + step, all);
      made = machine_.hugetlb().set_max_huge_pages(cpu_, plan_.order, wanted);
      if (made != wanted) return std::unexpected(fmt::format("of {} hugepages only {} could be made", all, made));
      if (++nr_looks % kLooksPerGiveBack != 0 && made != all) continue;
      if (auto given = give_back(built); !given) return std::unexpected(given.error());
    }
    return true;
  }

 private:
  std::expected<void, std::string> give_back(Built& built) {
    const auto start = Clock::now();
    const auto given = machine_.give_back_free_frames(cpu_);
    if (!given) return std::unexpected(given.error());
    built.given_back += *given;
    built.give_back_seconds += seconds_since(start);
    return {};
  }

  Machine& machine_;
  Cpu& cpu_;
  const Plan& plan_;
};

}  // namespace

std::expected<std::optional<Built>, std::string> build(const Plan& plan, const Design& design, const Watch& watch) {
  Built built{.design = &design, .nr_hugepages = plan.nr_hugepages()};
  const auto boot_start = Clock::now();
  const auto machine =
      Machine::create(config_of(plan, design), [&](u64 done, u64 all) { return watch(Stage::boot, done, all); });
  built.boot_seconds = seconds_since(boot_start);
  if (!machine && machine.error() == kBootStopped) return std::nullopt;
  if (!machine) return std::unexpected(machine.error());
  Machine& m = **machine;
  built.mapped_before = m.census().mapped;
  built.before = resident(m);

  m.cpu(0).run();
  const auto pool_start = Clock::now();
  const auto finished = PoolBuilder(m, plan).run(watch, built);
  built.pool_seconds = seconds_since(pool_start);
  if (!finished) return std::unexpected(finished.error());
  if (!*finished) return std::nullopt;
  built.nr_shared_tails = m.optimizer().shared_tails().nr_frames(m.cpu(0));
  m.cpu(0).idle();

  const FrameCensus census = m.census();
  built.mapped = census.mapped;
  built.pte_pages = census.pte_pages;
  built.after = resident(m);
  built.nr_violations = m.nr_violations();
  return built;
}

}  // namespace hvo::bench::savings
