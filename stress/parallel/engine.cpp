#include "stress/parallel/engine.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <thread>
#include <utility>

#include "program/signals.h"
#include "stress/crash_report.h"
#include "stress/parallel/fair_clock.h"
#include "stress/parallel/round.h"
#include "stress/parallel/watchdog.h"

namespace hvo::stress {

namespace {

using Clock = std::chrono::steady_clock;

class Run {
 public:
  Run(const RunOptions& options, StatusLine& status)
      : o_(options), status_(status), pool_(std::make_unique<TbbPool>(options.nr_threads)) {
    for (const Actor& a : o_.scenario->first) result_.actors.push_back({.name = a.name, .on_first_cpu = true});
    if (o_.machine.nr_cpus == 1) return;
    for (const Actor& a : o_.scenario->others) result_.actors.push_back({.name = a.name});
  }

  std::expected<RunResult, std::string> operator()() {
    do {
      auto machine = make_machine();
      if (!machine) return std::unexpected(machine.error());
      one_round(std::move(*machine));
      ++result_.nr_rounds;
    } while (!result_.is_hung && !is_over());
    result_.seconds = seconds();
    result_.is_interrupted = is_interrupted();
    return std::move(result_);
  }

 private:
  double seconds() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }
  bool is_time_over() const { return is_interrupted() || (o_.seconds != 0 && seconds() >= o_.seconds); }
  bool is_over() const {
    return is_time_over() || (o_.stops_at_first && result_.first_bad_seconds) ||
           (o_.nr_ops != 0 && result_.nr_ops >= o_.nr_ops) || (o_.nr_rounds != 0 && result_.nr_rounds >= o_.nr_rounds);
  }

  std::expected<std::unique_ptr<Machine>, std::string> make_machine() {
    note_round(result_.nr_rounds, o_.seed_of_round(result_.nr_rounds));
    MachineConfig config = o_.machine;
    config.failures.seed = o_.seed_of_round(result_.nr_rounds);
    return Machine::create(config);
  }

  /// Half of the rounds are, so that both kinds of luck are tried. A matter of the round's seed, so that a round alone
  /// is repeated as it was.
  bool is_perturbed(u64 seed) const {
    return o_.perturb == Perturb::always || (o_.perturb == Perturb::some && seed % 2 == 1);
  }

  u32 ops_per_cpu() const {
    const u64 most = o_.scenario->ops_per_round;
    if (o_.nr_ops == 0) return static_cast<u32>(most);
    const u64 cpus = o_.machine.nr_cpus;
    return static_cast<u32>(std::min(most, (o_.nr_ops - result_.nr_ops + cpus - 1) / cpus));
  }

  void one_round(std::unique_ptr<Machine> machine) {
    const u64 seed = o_.seed_of_round(result_.nr_rounds);
    auto round = std::make_unique<Round>(RoundConfig{.mix = Mix::of(*o_.scenario, o_.swarm, seed),
                                                     .seed = seed,
                                                     .nr_threads = o_.nr_threads,
                                                     .ops_per_cpu = ops_per_cpu(),
                                                     .is_perturbed = is_perturbed(seed),
                                                     .plant = o_.plant,
                                                     .checks_start = result_.nr_rounds == 0},
                                         *machine);
    for (u32 i = 0; i < o_.machine.nr_cpus; ++i) pool_->start(Round::run_task, round.get(), i);
    result_.is_hung = !watch(*round);
    for (u32 i = 0; i < o_.machine.nr_cpus; ++i) result_.nr_ops += round->nr_ops(i);
    add(*round, result_.is_hung ? round->give_up() : round->finish());
    if (!result_.is_hung) return;
    // Stuck threads use all of this until the process ends.
    (void)pool_.release();
    (void)round.release();
    (void)machine.release();
  }

  void add(const Round& round, const RoundResult& r) {
    result_.add(r.outcomes, result_.nr_rounds);
    if (r.outcomes.nr_forbidden() != 0) note_first_bad();
    result_.events += r.events;
    result_.nr_rounds_apart += r.is_apart ? 1 : 0;
    result_.frames_saved = r.frames_saved;
    result_.frames_saved_peak = std::max(result_.frames_saved_peak, r.frames_saved);
    result_.frames_of_vmemmap = round.nr_vmemmap_frames();
    if (result_.is_hung) return;
    const std::size_t nr_first = o_.scenario->first.size();
    for (std::size_t i = 0; i < result_.actors.size(); ++i) {
      ActorRuns& a = result_.actors[i];
      const std::size_t nth = a.on_first_cpu ? i : i - nr_first;
      const WeightedActors& weighted = a.on_first_cpu ? round.mix().first : round.mix().others;
      a.nr_rounds += weighted.weight(nth) != 0 ? 1 : 0;
      a.nr_runs += round.nr_runs(a.on_first_cpu, nth);
    }
  }

  /// Waits for the end of the round. False: a CPU hangs.
  bool watch(Round& round) {
    FairClock fair;
    Watchdog watchdog(o_.machine.nr_cpus, o_.hang_timeout, fair.now());
    std::vector<CpuProgress> cpus(o_.machine.nr_cpus);
    while (!round.is_done()) {
      std::this_thread::sleep_for(std::chrono::microseconds(500));
      const double now = seconds();
      for (u32 i = 0; i < cpus.size(); ++i) cpus[i] = progress_of(round.machine(), i, round.is_done(i));
      if (const auto hung = watchdog.find_hung(cpus, fair.now())) {
        status_.clear();
        std::fputs(fmt::format("hvo-stress: hang: CPU {} has not got on for {} s\n{}", *hung, o_.hang_timeout,
                               describe_hang(round.machine()))
                       .c_str(),
                   stderr);
        return false;
      }
      const LiveNumbers live = round.live();
      if (live.forbidden != 0) note_first_bad();
      if (is_time_over() || (o_.stops_at_first && result_.first_bad_seconds)) round.stop();
      look_at(live, now);
    }
    return true;
  }

  void note_first_bad() {
    if (!result_.first_bad_seconds) result_.first_bad_seconds = seconds();
  }

  void look_at(const LiveNumbers& of_round, double now) {
    result_.frames_saved_peak = std::max(result_.frames_saved_peak, of_round.frames_saved);
    if (!status_.is_due(now)) return;
    LiveNumbers all = of_round;
    all.nr_ops += result_.nr_ops;
    all.nr_lookups += result_.nr_lookups();
    all.interesting += result_.outcomes.nr_of(Grade::interesting);
    all.known_hole += result_.outcomes.nr_of(Grade::known_hole);
    all.forbidden += result_.outcomes.nr_of(Grade::forbidden);
    status_.show({.seconds = now,
                  .seconds_left = seconds_left(all.nr_ops, now),
                  .nr_rounds = result_.nr_rounds + 1,
                  .numbers = all});
  }

  /// Of the limit that is reached first, if the run goes on as it went.
  std::optional<double> seconds_left(u64 nr_ops, double now) const {
    std::optional<double> left;
    const auto limit = [&](double done, double all) {
      if (all == 0 || done == 0) return;
      const double s = std::max(0.0, now * (all / done - 1));
      left = left ? std::min(*left, s) : s;
    };
    limit(now, o_.seconds);
    limit(static_cast<double>(nr_ops), static_cast<double>(o_.nr_ops));
    limit(static_cast<double>(result_.nr_rounds), static_cast<double>(o_.nr_rounds));
    return left;
  }

  const RunOptions& o_;
  StatusLine& status_;
  std::unique_ptr<TbbPool> pool_;
  Clock::time_point start_ = Clock::now();
  RunResult result_;
};

}  // namespace

std::expected<RunResult, std::string> run(const RunOptions& options, StatusLine& status) {
  return Run(options, status)();
}

}  // namespace hvo::stress
