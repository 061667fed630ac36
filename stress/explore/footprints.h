// Footprints: which words of modelled memory each CPU has touched, so that an exploration leaves out schedules that
// differ in nothing.
//
// A switch to another CPU before a step that touches nothing of that CPU's is the same as a switch after it. So only
// steps that meet another CPU need alternatives. What a CPU touches is learned while exploring: when a pass has learned
// something new, it has to be made again. Within a bound on preemptions this is sound: the switch that is left out has
// a twin later in the same CPU's turn, with as many preemptions.
#pragma once

#include <atomic>
#include <memory>
#include <span>

#include "core/cpu/access.h"

namespace hvo::stress {

/// Of one machine, whose words stay where they are. Shared by workers that explore machines alike: words are named by
/// their place in arena and memory.
class Footprints {
 public:
  Footprints(std::size_t arena_bytes, std::size_t memory_bytes)
      : nr_arena_words_(arena_bytes / 8 + 1), nr_words_(nr_arena_words_ + memory_bytes / 8 + 1),
        touched_(std::make_unique<std::atomic<u16>[]>(nr_words_)) {}

  std::size_t of_arena(u64 offset) const { return offset / 8; }
  std::size_t of_memory(u64 offset) const { return nr_arena_words_ + offset / 8; }

  /// CPU `cpu` (0 to 7) reads or writes `n` words from `first` on. True when another CPU touches one of them too, and
  /// one of the two writes.
  bool note(u32 cpu, std::size_t first, std::size_t n, bool is_write) {
    const auto read = static_cast<u16>(1U << cpu);
    const auto write = static_cast<u16>(0x100U << cpu);
    const u16 mine = is_write ? static_cast<u16>(read | write) : read;
    const u16 others_write = static_cast<u16>(0xff00U & ~write);
    const u16 meets = is_write ? static_cast<u16>(others_write | (0xffU & ~read)) : others_write;
    bool met = false;
    for (std::size_t i = first; i != first + n; ++i) {
      u16 seen = touched_[i].load(std::memory_order::relaxed);
      if ((seen & mine) != mine) {
        seen |= touched_[i].fetch_or(mine, std::memory_order::relaxed);
        has_grown_.store(true, std::memory_order::relaxed);
      }
      met = met || (seen & meets) != 0;
    }
    return met;
  }
  /// True when something new was learned since the last call. No worker runs.
  bool take_growth() { return has_grown_.exchange(false, std::memory_order::relaxed); }

 private:
  std::size_t nr_arena_words_;
  std::size_t nr_words_;
  std::unique_ptr<std::atomic<u16>[]> touched_;  // NOLINT(modernize-avoid-c-arrays): atomics can't be moved
  std::atomic<bool> has_grown_{false};
};

}  // namespace hvo::stress
