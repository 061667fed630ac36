// Snapshot: the whole state of a quiet machine, put back as often as an exploration needs it.
#pragma once

#include <cstring>
#include <optional>
#include <vector>

#include "core/machine/machine.h"

namespace hvo::stress {

/// All mutable state of a machine lives in its arena and its memory, and names other things by index. So this is two
/// copies, and the machine stays where it is: the same words are at the same addresses in every run.
///
/// The arena is put back whole; of the memory, those frames that were stored to (an engine notes them). Not
/// thread-safe.
class Snapshot {
 public:
  /// Every CPU is idle.
  explicit Snapshot(Machine& machine);

  /// The machine is as it was, whatever it was in the middle of; what its CPUs counted and logged is forgotten.
  void restore();
  /// A state in the middle of a schedule, with what its CPUs counted and reported.
  struct Kept {
    struct OfCpu {
      EventCounts counts;
      std::optional<ViolationLog> violations{};  ///< if there are any
      Op op{};
    };
    std::vector<std::byte> arena{};
    std::vector<u32> frames{};       ///< that were stored to
    std::vector<std::byte> bytes{};  ///< of these
    std::vector<OfCpu> cpus{};
    u64 nr_undone = 0;  ///< of the vmemmap's detector
  };
  void keep(Kept& kept) const;
  /// The machine is as it was when that was kept, whatever has been run since.
  void go_back(const Kept& kept);
  /// One flag a frame, for the engine to set: 1, stored to since the last restore().
  u8* dirty_frames() { return dirty_.data(); }
  /// From now on all of the memory is taken to be stored to: something else than the engine's CPUs ran.
  void all_is_dirty();
  /// A number for the state that the machine is in, by what differs from the snapshot's. Not the machine's
  /// state_hash(): when frames were freed and TLB entries filled (epochs) is left out. That is a matter of who came
  /// first where nobody meets, and tells only how a state was come to.
  u64 hash() const;

 private:
  std::span<std::byte> arena_of_machine() const;
  std::span<std::byte> frame_of_machine(std::size_t frame) const;
  void restore_frames();
  /// Into scratch_: the arena now, epochs as in the snapshot.
  void copy_arena_without_epochs() const;

  Machine& machine_;
  std::vector<std::byte> arena_;
  std::vector<std::byte> memory_;
  std::vector<u8> dirty_;
  mutable std::vector<std::byte> scratch_;
};

}  // namespace hvo::stress
