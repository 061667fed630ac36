// Mutex: the kernel's struct mutex on modelled memory. Lives in the arena.
//
// Synchronises-with pair: (1) unlock: store release ↔ (2) lock: successful cmpxchg, fully ordered.
#pragma once

#include "core/sync/rank.h"
#include "core/sync/thread_safety.h"

namespace hvo {

/// Mutual exclusion for code that may sleep: illegal with a spinlock held, interrupts off or inside an RCU section.
class HVO_CAPABILITY("mutex") Mutex {
 public:
  constexpr explicit Mutex(LockRank rank) : rank_(rank.v) {}

  void lock(Cpu& cpu) HVO_ACQUIRE() {
    note_acquire(cpu, rank(), LockKind::sleeping);
    while (cpu.cmpxchg(word_, u32{0}, cpu.id() + 1) != 0) {  // (2)
      cpu.wait_until(WaitFor::mutex, word_, [](u32 holder) { return holder == 0; });
    }
  }
  void unlock(Cpu& cpu) HVO_RELEASE() {
    cpu.store_release(word_, u32{0});  // (1)
    note_release(cpu, rank(), LockKind::sleeping);
  }
  LockRank rank() const {
    LockRank r;
    r.v = static_cast<u16>(rank_);
    return r;
  }

 private:
  Word<u32> word_;
  u32 rank_;
};

/// Holds a Mutex for a scope.
class HVO_SCOPED_CAPABILITY MutexGuard {
 public:
  MutexGuard(Cpu& cpu, Mutex& mutex) HVO_ACQUIRE(mutex) : cpu_(cpu), mutex_(mutex) { mutex_.lock(cpu_); }
  ~MutexGuard() HVO_RELEASE() { mutex_.unlock(cpu_); }
  MutexGuard(const MutexGuard&) = delete;
  MutexGuard& operator=(const MutexGuard&) = delete;

 private:
  Cpu& cpu_;
  Mutex& mutex_;
};

}  // namespace hvo
