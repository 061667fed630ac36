// broadcast: ask all CPUs of a machine for something, and wait until each has served it or is idle.
#pragma once

#include <span>

#include "core/cpu/cpu.h"

namespace hvo {

/// Posts `what` (Request bits, with [first, last] for a flush) to every CPU, does it locally, and waits. Interrupts are
/// served while waiting, so two CPUs may broadcast at once. Reports lock_order when interrupts are off, and for a grace
/// period also inside an RCU section or with a spinlock held; it then does not wait.
/// Source: smp_call_function_many, flush_tlb_kernel_range, synchronize_rcu, on_each_cpu(do_sync_core).
void broadcast(Cpu& self, std::span<Cpu* const> all, u32 what, u64 first = 0, u64 last = 0);

}  // namespace hvo
