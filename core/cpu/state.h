// CpuState: what one simulated CPU is, as data in the arena.
#pragma once

#include <array>

#include "core/cpu/word.h"

namespace hvo {

/// Bits of CpuState::attention. One word tells a step whether anything at all is special; zero: nothing is.
enum Attention : u32 {
  kAttentionInterrupt = 1,  ///< the mailbox has something
  kAttentionIdle = 2,       ///< the CPU runs no operation: nobody waits for it, its TLB is flushed when it comes back
  kAttentionTlbi = 8,       ///< a flush was broadcast: served also with interrupts off
  kAttentionEngine = 4,     ///< an engine is attached: every step goes through it
  kAttentionDozing = 16,    ///< its host thread sleeps in wait_until: who posts wakes it
};

/// Most CPUs that a machine can have.
inline constexpr u32 kMaxCpus = 64;

/// Most spinning and sleeping locks that one operation holds at once.
inline constexpr u32 kMaxHeld = 12;

struct CpuState {
  alignas(64) Word<u32> attention{kAttentionIdle};
  u32 id = 0;
  // All below is private to the CPU.
  u32 irq_off = 0;      ///< nesting of local_irq_disable
  u32 rcu_depth = 0;    ///< nesting of rcu_read_lock
  u32 nr_held = 0;      ///< locks held, outermost first in held_rank
  u32 nr_spinning = 0;  ///< of these, how many are spinlocks
  u32 deferred = 0;     ///< a quiescent state was asked for inside a read section
  u32 trapped = 0;      ///< the last store by virtual address trapped
  u64 nr_served = 0;    ///< interrupts served
  std::array<u16, kMaxHeld> held_rank{};
};
static_assert(sizeof(CpuState) == 64);

}  // namespace hvo
