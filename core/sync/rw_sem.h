// RwSem: the kernel's rw_semaphore on modelled memory (init_mm's mmap lock is one). Lives in the arena.
//
// The word holds the number of readers, or kWriter. No fairness is modelled: a writer may starve, as bounded scenarios
// never let it.
//
// Synchronises-with pairs
//   (1) writer leaves: store release (up_write, downgrade_write) ↔ (2) reader or writer enters: successful cmpxchg
//   (3) reader leaves: fetch_add, fully ordered                  ↔ (2) writer enters: successful cmpxchg
#pragma once

#include "core/sync/rank.h"
#include "core/sync/thread_safety.h"

namespace hvo {

/// Many readers or one writer, for code that may sleep.
class HVO_CAPABILITY("rwsem") RwSem {
 public:
  constexpr explicit RwSem(LockRank rank) : rank_(rank.v) {}

  void down_read(Cpu& cpu) HVO_ACQUIRE_SHARED() {
    note_acquire(cpu, rank(), LockKind::sleeping);
    for (u32 seen = cpu.read_once(word_);;) {
      if (seen == kWriter) {
        seen = cpu.wait_until(WaitFor::read_lock, word_, [](u32 w) { return w != kWriter; });
        continue;
      }
      const u32 old = cpu.cmpxchg(word_, seen, seen + 1);  // (2)
      if (old == seen) return;
      seen = old;
    }
  }
  void up_read(Cpu& cpu) HVO_RELEASE_SHARED() {
    cpu.fetch_add(word_, ~u32{0});  // (3)
    note_release(cpu, rank(), LockKind::sleeping);
  }
  void down_write(Cpu& cpu) HVO_ACQUIRE() {
    note_acquire(cpu, rank(), LockKind::sleeping);
    while (cpu.cmpxchg(word_, u32{0}, kWriter) != 0) {  // (2)
      cpu.wait_until(WaitFor::write_lock, word_, [](u32 w) { return w == 0; });
    }
  }
  void up_write(Cpu& cpu) HVO_RELEASE() {
    cpu.store_release(word_, u32{0});  // (1)
    note_release(cpu, rank(), LockKind::sleeping);
  }
  /// Turns the caller's write lock into a read lock, without letting another writer in between.
  void downgrade_write(Cpu& cpu) HVO_RELEASE() HVO_ACQUIRE_SHARED() {
    cpu.store_release(word_, u32{1});  // (1)
  }
  LockRank rank() const {
    LockRank r;
    r.v = static_cast<u16>(rank_);
    return r;
  }

 private:
  static constexpr u32 kWriter = ~u32{0};
  Word<u32> word_;
  u32 rank_;
};

/// Holds an RwSem for reading for a scope.
class HVO_SCOPED_CAPABILITY ReadGuard {
 public:
  ReadGuard(Cpu& cpu, RwSem& sem) HVO_ACQUIRE_SHARED(sem) : cpu_(cpu), sem_(sem) { sem_.down_read(cpu_); }
  ~ReadGuard() HVO_RELEASE_GENERIC() { sem_.up_read(cpu_); }
  ReadGuard(const ReadGuard&) = delete;
  ReadGuard& operator=(const ReadGuard&) = delete;

 private:
  Cpu& cpu_;
  RwSem& sem_;
};

}  // namespace hvo
