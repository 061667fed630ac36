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

/// What is known of a frame, in one word, so that it is looked at, or changed, at once.
struct FrameUse {
  FrameState state = FrameState::free;
  u8 order = 0;  ///< of the block that the frame was allocated as; only the first frame of a block counts

  static constexpr FrameUse from(u16 v) { return {static_cast<FrameState>(v & 0xff), static_cast<u8>(v >> 8)}; }
  constexpr u16 value() const { return static_cast<u16>(static_cast<u8>(state) | order << 8); }
};

/// A view (wiring) of per-frame arrays in the arena. Reads and writes are relaxed: detectors, never steps.
struct FrameTable {
  std::span<Word<u16>> use;     ///< FrameUse
  std::span<Word<u32>> epoch;   ///< one past `clock` when the frame last left an owner
  Word<u32>* clock = nullptr;   ///< machine-wide; not before the epoch of any frame that has an owner
  std::byte* memory = nullptr;  ///< first byte of frame 0
  u8 page_shift = 12;

  u64 nr_frames() const { return use.size(); }
  std::byte* address(FrameNo f) const { return memory + (u64{f.v} << page_shift); }
  FrameUse use_of(FrameNo f) const { return FrameUse::from(ref(use[f.v]).load(std::memory_order::relaxed)); }
  FrameState state_of(FrameNo f) const { return use_of(f).state; }
  void set_use(FrameNo f, FrameUse u) const { ref(use[f.v]).store(u.value(), std::memory_order::relaxed); }
  void set_state(FrameNo f, FrameState s) const { set_use(f, {s, use_of(f).order}); }
  void set_order(FrameNo f, u8 order) const { set_use(f, {state_of(f), order}); }
};

}  // namespace hvo
