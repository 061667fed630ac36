// WeakMemory: what a load may see when memory is not sequentially consistent.
#pragma once

#include <memory>
#include <span>

#include "core/cpu/cpu.h"

namespace hvo::stress {

/// Answers where the model leaves a choice: one of n, 0 … n-1. 0 is always what sequential consistency gives.
class Chooser {
 public:
  virtual u32 choose(Cpu& cpu, u32 n) = 0;

 protected:
  ~Chooser() = default;
};

/// A memory with the history of its words. Not thread-safe: an exploring engine runs all CPUs on one host thread.
class WeakMemory {
 public:
  explicit WeakMemory(std::span<Cpu* const> cpus);
  ~WeakMemory();
  WeakMemory(const WeakMemory&) = delete;
  WeakMemory& operator=(const WeakMemory&) = delete;

  /// Forgets all histories: what memory holds now is what everybody has seen. Before each schedule.
  void start();
  /// DOES the access, as Engine::perform must, and returns its value: for a load possibly an older one, as `chooser`
  /// says.
  u64 perform(Cpu& cpu, const Access& access, void* word, Chooser& chooser);
  /// The last value that perform returned was not what memory held last.
  bool was_old() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace hvo::stress
