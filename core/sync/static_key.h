// StaticKey: a branch that the kernel patches into its code, counted.
//
// The word `enabled` stands for the patched code: every lookup reads it with a relaxed load. What makes that enough is
// that inc() returns only after every CPU has synchronised its core (a request in the mailbox, served at an instruction
// boundary): after the first inc() every later lookup, on every CPU, sees the key on; after the last dec() was told to
// all CPUs nothing relies on it any more.
//
// Synchronises-with pairs
//   (1) first inc: count stored with release after the broadcast ↔ (2) later inc: successful cmpxchg on the count.
//       So no inc() returns before the key is on everywhere.
#pragma once

#include <span>

#include "core/sync/mutex.h"

namespace hvo {

/// A static key. Lives in the arena. All functions: any CPU, no spinlock held, interrupts on.
/// Source: static_key_slow_inc, static_key_slow_dec (kernel/jump_label.c).
class StaticKey {
 public:
  StaticKey() : mutex_(LockClass::static_key) {}

  /// What a lookup tests: one relaxed load.
  bool is_enabled(Cpu& cpu) { return cpu.read_once(enabled_) != 0; }
  /// Raises the count; 0 → 1 switches the key on before it returns. `all`: the CPUs of the machine.
  void inc(Cpu& cpu, std::span<Cpu* const> all);
  /// Lowers the count; 1 → 0 switches the key off. Reports range when the count is 0.
  void dec(Cpu& cpu, std::span<Cpu* const> all);
  /// The number of inc() not yet undone. Exact at a quiescent point only.
  u32 count(Cpu& cpu) { return cpu.read_once(count_); }
  Word<u32>& enabled_word() { return enabled_; }
  /// For reports: where the other two are.
  const Word<u32>& count_word() const { return count_; }
  const Mutex& mutex() const { return mutex_; }

 private:
  void patch(Cpu& cpu, std::span<Cpu* const> all, u32 enabled);

  Word<u32> enabled_;
  Word<u32> count_;
  Mutex mutex_;
};

}  // namespace hvo
