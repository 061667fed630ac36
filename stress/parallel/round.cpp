#include "stress/parallel/round.h"

#include <algorithm>
#include <chrono>

#include "stress/scenarios/actors.h"

namespace hvo::stress {

namespace {

const Actor& pick(std::span<const Actor> actors, Rng& rng) {
  u64 sum = 0;
  for (const Actor& a : actors) sum += a.weight;
  u64 n = rng.below(sum);
  for (const Actor& a : actors) {
    if (n < a.weight) return a;
    n -= a.weight;
  }
  return actors.back();
}

}  // namespace

Round::Round(const Scenario& scenario, Machine& machine, u64 seed, u32 nr_threads, u32 ops_per_cpu)
    : scenario_(scenario),
      machine_(machine),
      shared_(machine.nr_cpus()),
      hand_over_(machine.nr_cpus()),
      ops_per_cpu_(ops_per_cpu),
      nr_meeting_(std::min(nr_threads, machine.nr_cpus())) {
  for (u32 i = 0; i < machine.nr_cpus(); ++i) {
    shared_.cpus[i].rng = Rng::seeded(seed, i);
    hand_over_[i].nr_left.store(ops_per_cpu, std::memory_order::release);
  }
  is_made_.store(true, std::memory_order::release);  // (5)
}

bool Round::run_task(void* round, unsigned cpu) {
  auto* self = static_cast<Round*>(round);
  // The pool is not instrumented: what it hands over is ordered by this load alone.
  if (!self->is_made_.load(std::memory_order::acquire)) return true;  // (5)
  return self->task(cpu);
}

/// As many CPUs as there are host threads start together; no longer than a second.
void Round::meet() {
  shared_.nr_arrived.fetch_add(1, std::memory_order::relaxed);
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(1);
  while (shared_.nr_arrived.load(std::memory_order::relaxed) < nr_meeting_ && std::chrono::steady_clock::now() < end) {
  }
}

bool Round::task(u32 id) {
  std::atomic<u64>& word = hand_over_[id].nr_left;
  u64 left = word.load(std::memory_order::acquire);  // (2)
  if (left == ops_per_cpu_) meet();
  Cpu& cpu = machine_.cpu(id);
  CpuShare& share = shared_.cpus[id];
  const auto actors = id == 0 ? scenario_.first : scenario_.others;
  cpu.run();
  for (u32 n = 0; n < kOpsPerTask && left != 0; ++n, --left) {
    pick(actors, share.rng).run(cpu, machine_, shared_, share.rng);
    cpu.diagnostics().activity.nr_ops.fetch_add(1, std::memory_order::relaxed);
    grade_violations(machine_.design(), cpu.diagnostics().violations, share.outcomes);
    if (stop_.load(std::memory_order::relaxed)) left = 1;
  }
  cpu.idle();
  // CPU 0 is the one that scenarios are about: the others go on until it is done, or it would run alone.
  const bool first_runs = id != 0 && hand_over_[0].nr_left.load(std::memory_order::relaxed) != 0;
  if (left == 0 && first_runs && !stop_.load(std::memory_order::relaxed)) left = 1;
  word.store(left, std::memory_order::release);  // (1)
  if (left != 0) return true;
  nr_done_.fetch_add(1, std::memory_order::release);  // (3)
  return false;
}

u64 Round::nr_ops() const {
  u64 n = 0;
  for (u32 i = 0; i < machine_.nr_cpus(); ++i) {
    n += machine_.diagnostics(i).activity.nr_ops.load(std::memory_order::relaxed);
  }
  return n;
}

Outcomes Round::finish(EventCounts& counts) {
  machine_.frames().next().set_plan({});
  Cpu& cpu = machine_.cpu(0);
  cpu.run();
  const bool all_back = give_all_back(cpu, machine_, shared_);
  cpu.idle();
  Outcomes outcomes;
  if (!all_back) outcomes.add(Key::not_valid);
  for (CpuShare& share : shared_.cpus) outcomes += share.outcomes;
  for (u32 i = 0; i < machine_.nr_cpus(); ++i) counts += machine_.diagnostics(i).counts;
  if (!machine_.validate()) outcomes.add(Key::not_valid);
  for (u32 i = 0; i < machine_.nr_cpus(); ++i) {
    grade_violations(machine_.design(), machine_.diagnostics(i).violations, outcomes);
  }
  return outcomes;
}

}  // namespace hvo::stress
