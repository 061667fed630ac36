#include "stress/parallel/perturber.h"

#include <sched.h>

#include <utility>

#include "core/cpu/cpu.h"
#include "core/cpu/direct.h"

namespace hvo::stress {

namespace {
constexpr u64 kStepsPerDelay = 1024;
constexpr u64 kOrderingStepsPerDelay = 64;
constexpr u64 kDelaysPerYield = 8;
constexpr u64 kLogMostPauses = 14;  ///< some hundreds of microseconds
constexpr u64 kHitsPerEviction = 64;
}  // namespace

void Perturber::before(Cpu& /*cpu*/, const Access& access) {
  const bool follows = std::exchange(was_ordering_, access.order != MemoryOrder::relaxed);
  if (!rng_.one_in(follows ? kOrderingStepsPerDelay : kStepsPerDelay)) return;
  if (rng_.one_in(kDelaysPerYield)) {
    sched_yield();
    return;
  }
  // As often short as long: races come in all sizes.
  for (u64 n = u64{1} << rng_.below(kLogMostPauses); n != 0; --n) __builtin_ia32_pause();
}

u64 Perturber::perform(Cpu& cpu, const Access& access, void* word) {
  return perform_directly(access, word, u64{1} << cpu.wiring().frames->page_shift);
}

void Perturber::wait(Cpu& cpu, WaitFor /*why*/, const void* /*word*/) { cpu.relax(); }

u32 Perturber::choose(Cpu& /*cpu*/, Choice choice, u32 /*n*/) {
  return choice == Choice::tlb_evict && rng_.one_in(kHitsPerEviction) ? 1 : 0;
}

}  // namespace hvo::stress
