// SpinLock: the kernel's spinlock_t on modelled memory. Lives in the arena.
//
// Synchronises-with pairs
//   (1) unlock: store release ↔ (2) lock: successful cmpxchg, fully ordered.
// The wait itself loads with acquire but decides nothing: only (2) takes the lock.
#pragma once

#include "core/sync/rank.h"
#include "core/sync/thread_safety.h"

namespace hvo {

/// Mutual exclusion by spinning; interrupts are served while waiting unless the taker has them off. Not recursive.
/// The word holds the holder's CPU number + 1, so that a deadlock report can say who holds it.
class HVO_CAPABILITY("spinlock") SpinLock {
 public:
  constexpr explicit SpinLock(LockRank rank) : rank_(rank.v) {}

  /// What it costs when nobody holds it is what the frame allocator costs, so that much is never a call.
  [[gnu::always_inline]] void lock(Cpu& cpu) HVO_ACQUIRE() {
    note_acquire(cpu, rank(), LockKind::spinning);
    take(cpu);
  }
  void unlock(Cpu& cpu) HVO_RELEASE() {
    cpu.store_release(word_, u32{0});  // (1)
    note_release(cpu, rank(), LockKind::spinning);
  }
  /// For a section that does nothing with the CPU but unlock_leaf: no step, no other lock. The order is checked as
  /// ever; what is held is not noted, for nobody could ask before it is given back.
  [[gnu::always_inline]] void lock_leaf(Cpu& cpu) HVO_ACQUIRE() {
    check_acquire(cpu, rank(), LockKind::spinning);
    take(cpu);
  }
  [[gnu::always_inline]] void unlock_leaf(Cpu& cpu) HVO_RELEASE() {
    cpu.store_release(word_, u32{0});  // (1)
  }
  /// spin_lock_irq: interrupts off before the lock is tried, as the kernel does.
  void lock_irq(Cpu& cpu) HVO_ACQUIRE() {
    cpu.local_irq_disable();
    lock(cpu);
  }
  void unlock_irq(Cpu& cpu) HVO_RELEASE() {
    unlock(cpu);
    cpu.local_irq_enable();
  }
  LockRank rank() const {
    LockRank r;
    r.v = static_cast<u16>(rank_);
    return r;
  }

 private:
  [[gnu::always_inline]] void take(Cpu& cpu) {
    if (cpu.cmpxchg(word_, u32{0}, cpu.id() + 1) != 0) [[unlikely]]  // (2)
      lock_contended(cpu);
  }
  HVO_OFF_THE_FAST_PATH void lock_contended(Cpu& cpu) noexcept {
    cpu.count(Event::window_lock_contended);
    do {
      cpu.wait_until(WaitFor::spin_lock, word_, [](u32 holder) { return holder == 0; });
    } while (cpu.cmpxchg(word_, u32{0}, cpu.id() + 1) != 0);  // (2)
  }

  Word<u32> word_;
  u32 rank_;
};

/// Holds a SpinLock for a scope.
class HVO_SCOPED_CAPABILITY SpinGuard {
 public:
  [[gnu::always_inline]] SpinGuard(Cpu& cpu, SpinLock& lock) HVO_ACQUIRE(lock) : cpu_(cpu), lock_(lock) {
    lock_.lock(cpu_);
  }
  [[gnu::always_inline]] ~SpinGuard() HVO_RELEASE() { lock_.unlock(cpu_); }
  SpinGuard(const SpinGuard&) = delete;
  SpinGuard& operator=(const SpinGuard&) = delete;

 private:
  Cpu& cpu_;
  SpinLock& lock_;
};

/// Holds a SpinLock, as lock_leaf does, for a scope.
class HVO_SCOPED_CAPABILITY SpinLeafGuard {
 public:
  [[gnu::always_inline]] SpinLeafGuard(Cpu& cpu, SpinLock& lock) HVO_ACQUIRE(lock) : cpu_(cpu), lock_(lock) {
    lock_.lock_leaf(cpu_);
  }
  [[gnu::always_inline]] ~SpinLeafGuard() HVO_RELEASE() { lock_.unlock_leaf(cpu_); }
  SpinLeafGuard(const SpinLeafGuard&) = delete;
  SpinLeafGuard& operator=(const SpinLeafGuard&) = delete;

 private:
  Cpu& cpu_;
  SpinLock& lock_;
};

/// Holds a SpinLock with local interrupts off for a scope.
class HVO_SCOPED_CAPABILITY SpinIrqGuard {
 public:
  SpinIrqGuard(Cpu& cpu, SpinLock& lock) HVO_ACQUIRE(lock) : cpu_(cpu), lock_(lock) { lock_.lock_irq(cpu_); }
  ~SpinIrqGuard() HVO_RELEASE() { lock_.unlock_irq(cpu_); }
  SpinIrqGuard(const SpinIrqGuard&) = delete;
  SpinIrqGuard& operator=(const SpinIrqGuard&) = delete;

 private:
  Cpu& cpu_;
  SpinLock& lock_;
};

}  // namespace hvo
