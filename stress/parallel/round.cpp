#include "stress/parallel/round.h"

#include <sched.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "core/base/check.h"
#include "stress/parallel/torn_copy.h"
#include "stress/scenarios/actors.h"

namespace hvo::stress {

namespace {

constexpr u64 kPerturberStream = 0x70657274;  // apart from the streams of the CPUs
constexpr auto kGateTimeout = std::chrono::seconds(1);

}  // namespace

Round::Round(RoundConfig config, Machine& machine)
    : config_(std::move(config)),
      machine_(machine),
      shared_(machine.nr_cpus()),
      hand_over_(machine.nr_cpus()),
      live_(machine.nr_cpus()),
      nr_meeting_(std::min(config_.nr_threads, machine.nr_cpus())) {
  HVO_CHECK(std::max(mix().first.actors().size(), mix().others.actors().size()) <= kMostActors,
            "a scenario has more actors than a round counts");
  for (u32 i = 0; i < machine.nr_cpus(); ++i) {
    shared_.cpus[i].rng = Rng::seeded(config_.seed, i);
    hand_over_[i].nr_left.store(config_.ops_per_cpu, kUnordered);  // ordered by (5)
  }
  if (config_.checks_start) begins_valid_ = machine_.validate();
  if (config_.is_perturbed) attach_perturbers();
  is_made_.store(true, std::memory_order::release);  // (5)
}

void Round::attach_perturbers() {
  perturbers_.reserve(machine_.nr_cpus());
  for (u32 i = 0; i < machine_.nr_cpus(); ++i) {
    perturbers_.emplace_back(config_.seed, kPerturberStream + i);
    machine_.cpu(i).attach(&perturbers_.back());
  }
}

void Round::detach_perturbers() {
  for (u32 i = 0; i < machine_.nr_cpus(); ++i) machine_.cpu(i).attach(nullptr);
}

u64 Round::nr_vmemmap_frames() const {
  return machine_.vmemmap().nr_pages() / machine_.config().geometry.structs_per_page();
}

u64 Round::frames_saved() const {
  return nr_vmemmap_frames() - std::min(nr_vmemmap_frames(), machine_.optimizer().nr_memmap_pages());
}

bool Round::run_task(void* round, unsigned cpu) {
  auto* self = static_cast<Round*>(round);
  // The pool is not instrumented: what it hands over is ordered by this load alone.
  if (!self->is_made_.load(std::memory_order::acquire)) return true;  // (5)
  return self->task(cpu);
}

/// As many CPUs as there are host threads start together. Who waits in vain goes on and says so.
void Round::meet(Activity& activity) {
  activity.wait.store(WaitFor::start_gate, kUnordered);
  shared_.nr_arrived.fetch_add(1, kUnordered);
  const auto end = std::chrono::steady_clock::now() + kGateTimeout;
  while (shared_.nr_arrived.load(kUnordered) < nr_meeting_ && !stop_.load(kUnordered)) {
    if (std::chrono::steady_clock::now() >= end) {
      nr_gave_up_meeting_.fetch_add(1, kUnordered);
      break;
    }
    sched_yield();
  }
  activity.wait.store(WaitFor::nothing, kUnordered);
}

/// Plant::hang: nobody posts to a CPU in its own name, so this slot is never served.
void Round::hang(Cpu& cpu) {
  const OpScope scope(cpu, Op::test);
  const ReadGuard guard(cpu, machine_.page_table().init_mm().mmap_lock);
  cpu.wait_until(WaitFor::flush_served, cpu.slot_of(cpu, kRequestFlush).served, [](u64 served) { return served != 0; });
}

void Round::run_one(Cpu& cpu, const WeightedActors& actors) {
  CpuShare& share = shared_.cpus[cpu.id()];
  const std::size_t nth = actors.pick(share.rng);
  actors.actors()[nth].run(cpu, machine_, shared_, share.rng);
  ++hand_over_[cpu.id()].nr_runs[nth];
  cpu.diagnostics().activity.nr_ops.fetch_add(1, kUnordered);
  grade_violations(machine_.design(), cpu.diagnostics().violations, share.outcomes);
}

bool Round::task(u32 id) {
  std::atomic<u64>& word = hand_over_[id].nr_left;
  u64 left = word.load(std::memory_order::acquire);  // (2)
  Cpu& cpu = machine_.cpu(id);
  if (left == config_.ops_per_cpu) meet(cpu.diagnostics().activity);
  cpu.run();
  for (u32 n = 0; n < kOpsPerTask && left != 0; ++n, --left) {
    run_one(cpu, mix().of_cpu(id));
    if (stop_.load(kUnordered)) left = 1;
  }
  if (config_.plant == Plant::hang && id + 1 == machine_.nr_cpus()) hang(cpu);
  cpu.idle();
  live_[id].publish(cpu.diagnostics().counts, shared_.cpus[id].outcomes);
  // CPU 0 is the one that scenarios are about: the others go on until it is done, or it would run alone.
  const bool first_runs = id != 0 && hand_over_[0].nr_left.load(kUnordered) != 0;
  if (left == 0 && first_runs && !stop_.load(kUnordered)) left = 1;
  word.store(left, std::memory_order::release);  // (1)
  if (left != 0) return true;
  nr_done_.fetch_add(1, std::memory_order::release);  // (3)
  return false;
}

u64 Round::nr_ops(u32 cpu) const { return machine_.diagnostics(cpu).activity.nr_ops.load(kUnordered); }

u64 Round::nr_runs(bool on_first_cpu, std::size_t actor) const {
  u64 n = 0;
  for (u32 i = on_first_cpu ? 0 : 1; i < (on_first_cpu ? 1 : machine_.nr_cpus()); ++i)
    n += hand_over_[i].nr_runs[actor];
  return n;
}

LiveNumbers Round::live() const {
  LiveNumbers sum;
  for (u32 i = 0; i < machine_.nr_cpus(); ++i) {
    const LiveCpu& cpu = live_[i];
    sum.nr_ops += nr_ops(i);
    sum.nr_lookups += cpu.nr_lookups.load(kUnordered);
    sum.interesting += cpu.interesting.load(kUnordered);
    sum.known_hole += cpu.known_hole.load(kUnordered);
    sum.forbidden += cpu.forbidden.load(kUnordered);
  }
  sum.nr_optimized = machine_.optimizer().nr_optimized_folios();
  sum.frames_saved = frames_saved();
  return sum;
}

RoundResult Round::finish() {
  RoundResult result;
  detach_perturbers();
  result.frames_saved = frames_saved();
  machine_.frames().next().set_plan({});
  Cpu& cpu = machine_.cpu(0);
  cpu.run();
  const bool all_back = give_all_back(cpu, machine_, shared_);
  cpu.idle();
  for (CpuShare& share : shared_.cpus) result.outcomes += share.outcomes;
  for (u32 i = 0; i < machine_.nr_cpus(); ++i) result.events += machine_.diagnostics(i).counts;
  if (!machine_.validate() || !begins_valid_) result.outcomes.add(Key::not_valid);
  if (!all_back) result.outcomes.add(Key::not_drained);
  for (u32 i = 0; i < machine_.nr_cpus(); ++i) {
    grade_violations(machine_.design(), machine_.diagnostics(i).violations, result.outcomes);
  }
  result.is_apart = nr_gave_up_meeting_.load(kUnordered) != 0;
  return result;
}

RoundResult Round::give_up() {
  RoundResult result;
  for (u32 i = 0; i < machine_.nr_cpus(); ++i) {
    const Diagnostics& d = machine_.diagnostics(i);
    result.outcomes += torn_copy(shared_.cpus[i].outcomes);
    result.events += torn_copy(d.counts);
    ViolationLog log = torn_copy(d.violations);
    grade_violations(machine_.design(), log, result.outcomes);
  }
  result.frames_saved = frames_saved();
  result.is_apart = nr_gave_up_meeting_.load(kUnordered) != 0;
  return result;
}

}  // namespace hvo::stress
