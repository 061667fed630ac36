// PhysicalMemory: the frames that have bytes. One memfd, mapped once, and beside it the FrameTable in the arena.
#pragma once

#include <expected>
#include <span>
#include <string>

#include "core/base/arena.h"
#include "core/cpu/frame_table.h"
#include "core/frame/frame_run.h"

namespace hvo {

/// The frames of a machine. The file behind them can be mapped a second time elsewhere (page by page, in any order), so
/// that the host's MMU can alias them as the simulated page tables do.
/// Not thread-safe while it is made; afterwards it is wiring: what it points at is shared, itself it never changes.
class PhysicalMemory {
 public:
  /// Makes `nr_frames` (1 … 2^32 - 1) zeroed frames of 2^page_shift bytes (6 … 30) and carves their FrameTable from
  /// `arena` (6 bytes a frame). Frames are touched, and cost host memory, only when written. All start out as
  /// FrameState::free. Errors: the host's own text when it refuses, or which argument is out of range.
  static std::expected<PhysicalMemory, std::string> create(Arena& arena, u64 nr_frames, u8 page_shift);
  PhysicalMemory(PhysicalMemory&& other) noexcept;
  PhysicalMemory& operator=(PhysicalMemory&&) = delete;
  PhysicalMemory(const PhysicalMemory&) = delete;
  PhysicalMemory& operator=(const PhysicalMemory&) = delete;
  ~PhysicalMemory();

  /// The view that CPUs and allocators share. Its address is that of this object: take it once this has its final
  /// place.
  const FrameTable& frames() const { return frames_; }
  u64 nr_frames() const { return frames_.nr_frames(); }
  u64 frame_bytes() const { return u64{1} << frames_.page_shift; }

  /// All frames, for snapshot, restore and hash at a quiescent point. Reading a frame never written stores nothing.
  std::span<std::byte> bytes() { return {frames_.memory, nr_frames() << frames_.page_shift}; }
  std::span<const std::byte> bytes() const { return {frames_.memory, nr_frames() << frames_.page_shift}; }

  /// Gives the host's memory behind these frames back to the host. Until they are touched again, if only by a load,
  /// they cost nothing; they read as zero through every mapping of the file. For frames that nobody uses; any thread.
  /// In order, and best near each other: a system call a run, and one for all, which takes the frames between them out
  /// of the page tables of the host once (they are mapped again when touched) where each hole would do so for itself.
  /// What shares a page of the host with a frame that stays is only zeroed. Error: the host's own text.
  std::expected<void, std::string> discard(std::span<const FrameRun> runs) const;
  /// Bytes that the host keeps for the frames now, mapped or not: the blocks of the file. Any thread.
  u64 resident_bytes() const;

  /// The memfd; frame f is at offset f << page_shift. Stays owned by this object.
  int fd() const { return fd_; }

 private:
  PhysicalMemory(int fd, const FrameTable& frames) : fd_(fd), frames_(frames) {}

  int fd_ = -1;
  FrameTable frames_;
};

}  // namespace hvo
