// WeakMemory: what a load may see when memory is not sequentially consistent.
#pragma once

#include <memory>
#include <span>

#include "core/cpu/cpu.h"

namespace hvo::stress {

/// Answers where the model leaves a choice: one of n, 0 … n-1. 0 is always what sequential consistency gives. Called in
/// the middle of an access: no other CPU may run meanwhile.
class Chooser {
 public:
  virtual u32 choose(Cpu& cpu, u32 n) = 0;

 protected:
  ~Chooser() = default;
};

/// A memory with the history of its words, as far as the kernel's memory model goes: WEAK_MEMORY.md. Not thread-safe:
/// an exploring engine runs all CPUs on one host thread. Fibers may share it under ThreadSanitizer, which sees the
/// accesses that it does (in Cpu::perform) and nothing of its own state. Once it has met the words that a schedule
/// touches it allocates nothing.
class WeakMemory {
 public:
  /// `cpus`: all of a machine, in the order of their numbers. Not one whose vmemmap the host's MMU translates.
  explicit WeakMemory(std::span<Cpu* const> cpus);
  ~WeakMemory();
  WeakMemory(const WeakMemory&) = delete;
  WeakMemory& operator=(const WeakMemory&) = delete;

  /// Forgets all histories: what memory holds now is what everybody has seen. Before each schedule.
  void start();
  /// DOES the access, as Engine::perform must, and returns its value: for a load possibly an older one, as `chooser`
  /// says.
  u64 perform(Cpu& cpu, const Access& access, void* word, Chooser& chooser);
  /// Stores reach everybody in the end. Where a CPU would wait for a store to `word`: false if it has seen what memory
  /// holds there; true if not, and then it must look again, for nobody may ever store there again: its next load gives
  /// what memory holds now.
  bool catch_up(Cpu& cpu, const void* word);
  /// The last value that perform returned was not what memory held last.
  bool was_old() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// With weak memory full barriers are ordered among themselves, whatever they touch; and what a load through a
/// translation sees may lie elsewhere, and is a matter of when flushes were served.
inline bool is_ordered_anyhow(const Access& access) {
  return access.order == MemoryOrder::full || access.space == Space::vmemmap || access.kind == Kind::walker_load;
}

}  // namespace hvo::stress
