#include "stress/parallel/perturber.h"

#include <sched.h>

#include <utility>

#include "core/cpu/cpu.h"

namespace hvo::stress {

namespace {
constexpr u64 kStepsPerDelay = 1024;
constexpr u64 kOrderingStepsPerDelay = 64;
constexpr u64 kWindowStepsPerDelay = 96;
constexpr u64 kWalkStoresPerDelay = 24;
constexpr u64 kDelaysPerYield = 8;
constexpr u64 kLogMostPauses = 14;  ///< some hundreds of microseconds
constexpr u64 kHitsPerEviction = 64;
constexpr u64 kPausesPerYieldOfDelay = 4096;  ///< a yield to a busy host costs milliseconds

/// A walker relies on what it saw a step before, and nobody waits for it.
bool is_walk(Op op) { return op == Op::pfn_walk_unfiltered || op == Op::pfn_walk_filtered; }
/// Between these steps struct pages are half remapped.
bool is_remap(Op op) { return op == Op::vmemmap_remap_free || op == Op::vmemmap_remap_alloc; }

bool is_asked(Cpu& cpu) {
  const u32 attention = ref(cpu.state().attention).load(std::memory_order::relaxed);
  return (attention & (kAttentionInterrupt | kAttentionTlbi)) != 0;
}
}  // namespace

u64 Perturber::steps_per_delay(const Cpu& cpu, const Access& access) {
  const bool follows = std::exchange(was_ordering_, access.order != MemoryOrder::relaxed);
  if (follows) return kOrderingStepsPerDelay;
  const Op op = cpu.op();
  if (is_walk(op) && access.is_write()) return kWalkStoresPerDelay;
  return is_walk(op) || is_remap(op) ? kWindowStepsPerDelay : kStepsPerDelay;
}

void Perturber::before(Cpu& cpu, const Access& access) {
  if (!rng_.one_in(steps_per_delay(cpu, access))) return;
  if (rng_.one_in(kDelaysPerYield)) {
    sched_yield();
    return;
  }
  // No interrupt is served in the middle of an instruction.
  const bool serves = rng_.one_in(2) && access.kind != Kind::walker_load;
  // As often short as long: races come in all sizes.
  for (u64 n = u64{1} << rng_.below(kLogMostPauses); n != 0; --n) {
    if (serves && is_asked(cpu)) cpu.serve();
    // Where there are fewer cores than CPUs, the delay is for nothing while the others don't run.
    if (serves && n % kPausesPerYieldOfDelay == 0) {
      sched_yield();
    } else {
      __builtin_ia32_pause();
    }
  }
}

u64 Perturber::perform(Cpu& cpu, const Access& access, void* word) { return cpu.perform(access, word); }

void Perturber::wait(Cpu& cpu, WaitFor /*why*/, const void* /*word*/) { cpu.relax(); }

u32 Perturber::choose(Cpu& /*cpu*/, Choice choice, u32 /*n*/) {
  return choice == Choice::tlb_evict && rng_.one_in(kHitsPerEviction) ? 1 : 0;
}

}  // namespace hvo::stress
