// Snapshot: the whole state of a quiet machine, put back as often as an exploration needs it.
#pragma once

#include <cstring>
#include <vector>

#include "core/machine/machine.h"

namespace hvo {

/// All mutable state of a machine lives in its arena and its memory, and names other things by index. So this is two
/// copies, and the machine stays where it is: the same words are at the same addresses in every run.
class Snapshot {
 public:
  /// Every CPU is idle.
  explicit Snapshot(Machine& machine) : machine_(machine) {
    const auto arena = arena_of(machine);
    const auto memory = memory_of(machine);
    arena_.assign(arena.begin(), arena.end());
    memory_.assign(memory.begin(), memory.end());
  }
  /// The machine is as it was, whatever it was in the middle of; what its CPUs counted and logged is forgotten.
  void restore() {
    std::memcpy(arena_of(machine_).data(), arena_.data(), arena_.size());
    std::memcpy(memory_of(machine_).data(), memory_.data(), memory_.size());
    for (u32 i = 0; i < machine_.nr_cpus(); ++i) machine_.diagnostics(i).clear();
  }

 private:
  static std::span<std::byte> arena_of(Machine& m) {
    const auto bytes = m.arena().bytes();
    return {const_cast<std::byte*>(bytes.data()), bytes.size()};
  }
  static std::span<std::byte> memory_of(Machine& m) {
    const FrameTable& frames = m.frame_table();
    return {frames.memory, frames.nr_frames() << frames.page_shift};
  }

  Machine& machine_;
  std::vector<std::byte> arena_;
  std::vector<std::byte> memory_;
};

}  // namespace hvo
