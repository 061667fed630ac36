// PhysicalMemory: the frames that have bytes. One mapping, of a memfd or private, and beside it the FrameTable in the
// arena.
#pragma once

#include <expected>
#include <span>
#include <string>

#include "core/base/arena.h"
#include "core/cpu/frame_table.h"
#include "core/frame/frame_run.h"

namespace hvo {

/// What holds the frames on the host.
enum class Backing : u8 {
  file,       ///< a memfd: it can be mapped a second time, page by page, in any order, so that the host's MMU can alias
              ///< frames as the simulated page tables do
  anonymous,  ///< anonymous memory of this process, in small pages: cheaper to touch first and to give back, no mirror
};

/// The frames of a machine.
/// Not thread-safe while it is made; afterwards it is wiring: what it points at is shared, itself it never changes.
class PhysicalMemory {
 public:
  /// Makes `nr_frames` (1 … 2^32 - 1) zeroed frames of 2^page_shift bytes (6 … 30) and carves their FrameTable from
  /// `arena` (8 bytes a frame). Frames are touched, and cost host memory, only when written. All start out as
  /// FrameState::free. Errors: the host's own text when it refuses, or which argument is out of range.
  static std::expected<PhysicalMemory, std::string> create(Arena& arena, u64 nr_frames, u8 page_shift,
                                                           Backing backing = Backing::file);
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
  /// they cost nothing; they read as zero through every mapping. For frames that nobody uses; any thread. In order, and
  /// best near each other. What shares a page of the host with a frame that stays is only zeroed. Error: the host's own
  /// text.
  std::expected<void, std::string> discard(std::span<const FrameRun> runs) const;
  /// Bytes that the host keeps for the frames now. Of a file: its blocks, mapped or not. Of private memory: the pages
  /// that are mapped (mincore), a page that was loaded and never stored to as well, though the host keeps one page of
  /// zeroes for all of those. Any thread.
  u64 resident_bytes() const;

  Backing backing() const { return fd_ < 0 ? Backing::anonymous : Backing::file; }
  /// The memfd; frame f is at offset f << page_shift. Stays owned by this object. -1 for private memory.
  int fd() const { return fd_; }

 private:
  PhysicalMemory(int fd, const FrameTable& frames) : fd_(fd), frames_(frames) {}
  std::expected<void, std::string> punch_holes(std::span<const FrameRun> runs) const;
  std::expected<void, std::string> drop_pages(std::span<const FrameRun> runs) const;

  int fd_ = -1;
  FrameTable frames_;
};

}  // namespace hvo
