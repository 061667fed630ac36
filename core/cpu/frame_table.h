// FrameTable: the few bytes kept beside each frame, which a CPU consults to tell a stale translation.
#pragma once

#include <span>

#include "core/base/units.h"
#include "core/cpu/word.h"

namespace hvo {

/// Who owns a frame. Every state has one writer at a time: the allocator under its locks, or the owner.
enum class FrameState : u8 {
  free,                 ///< in the buddy
  cached,               ///< on a per-CPU list
  allocated,            ///< handed out, not yet in use
  vmemmap,              ///< backs struct pages
  page_table,           ///< holds PTEs or PMDs
  vmemmap_self_hosted,  ///< backs the struct pages of hot-added memory and is part of it (PageVmemmapSelfHosted)
};

/// A view (wiring) of per-frame arrays in the arena. Reads and writes are relaxed: detectors, never steps.
struct FrameTable {
  std::span<Word<u8>> state;  ///< FrameState
  std::span<Word<u8>>
      order;  ///< order of the block this frame was allocated as; only the first frame of a block counts
  std::span<Word<u32>> epoch;   ///< one past `clock` when the frame last left an owner
  Word<u32>* clock = nullptr;   ///< machine-wide; not before the epoch of any frame that has an owner
  std::byte* memory = nullptr;  ///< first byte of frame 0
  u8 page_shift = 12;

  u64 nr_frames() const { return state.size(); }
  std::byte* address(FrameNo f) const { return memory + (u64{f.v} << page_shift); }
  FrameState state_of(FrameNo f) const {
    return static_cast<FrameState>(ref(state[f.v]).load(std::memory_order::relaxed));
  }
  void set_state(FrameNo f, FrameState s) const {
    ref(state[f.v]).store(static_cast<u8>(s), std::memory_order::relaxed);
  }
};

}  // namespace hvo
