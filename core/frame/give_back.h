// GiveBack: the host's memory behind free frames goes back to the host.
//
// What it guarantees
//   * Only frames that lie free in a buddy are discarded, each run while its zone lock is held: nobody can take one of
//     them before its hole is there. A frame that is mapped, cached, or on its way is not touched.
//   * A frame that was discarded and not used since is not discarded again. Its epoch says so: epochs of frames freed
//     after a call are later than the clock of that call, which is all that is remembered. The allocator pays nothing.
//   * A free frame reads as zero afterwards, so a machine that poisons keeps its frames: the pattern would be gone. (A
//     guest that poisons is treated so by virtio_balloon.)
// Rejected: holes as frames are freed, a system call each; a bit per frame, which every allocation would have to clear.
#pragma once

#include <expected>
#include <string>

#include "core/frame/node_frames.h"
#include "core/frame/physical_memory.h"

namespace hvo {

/// Thread-safe as FrameAllocator; one call at a time. Frames that others free meanwhile may be left for good, until
/// they are used again; at a quiescent point nothing is left. Source: free page reporting (mm/page_reporting.c), which
/// reports blocks of pageblock_order and isolates them instead of holding the zone lock.
class GiveBack {
 public:
  GiveBack(Arena& arena, const PhysicalMemory& memory, const FrameAllocatorConfig& config, NodeFrames& frames)
      : s_(&arena.make<State>()), memory_(memory), frames_(frames), poisons_(config.poison) {}

  /// How many frames went back. None on a machine that poisons. Error: the host's own text; what went is gone.
  std::expected<u64, std::string> free_frames(Cpu& cpu);

 private:
  struct State {
    Word<u32> since{};  ///< the clock of the last call
    u32 reserved = 0;   ///< no padding in hashed state
  };

  State* s_;
  const PhysicalMemory& memory_;
  NodeFrames& frames_;
  bool poisons_;
};

}  // namespace hvo
