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
  /// It has an owner, and one that may give it back. One comparison: those states stand side by side.
  constexpr bool may_be_freed() const {
    static_assert(static_cast<u8>(FrameState::page_table) == static_cast<u8>(FrameState::allocated) + 2);
    return static_cast<u8>(static_cast<u8>(state) - static_cast<u8>(FrameState::allocated)) <= 2;
  }
};

/// What is kept of a frame, side by side: one cache line is fetched for it, not two.
struct FrameNote {
  Word<u32> epoch;  ///< one past FrameTable::clock when the frame last left an owner
  Word<u16> use;    ///< FrameUse
  u16 unused = 0;
};
static_assert(sizeof(FrameNote) == 8);

/// A view (wiring) of a per-frame array in the arena. Reads and writes are relaxed: detectors, never steps.
struct FrameTable {
  std::span<FrameNote> notes;
  Word<u32>* clock = nullptr;   ///< machine-wide; not before the epoch of any frame that has an owner
  std::byte* memory = nullptr;  ///< first byte of frame 0
  u8 page_shift = 12;

  u64 nr_frames() const { return notes.size(); }
  std::byte* address(FrameNo f) const { return memory + (u64{f.v} << page_shift); }
  FrameUse use_of(FrameNo f) const { return FrameUse::from(ref(notes[f.v].use).load(std::memory_order::relaxed)); }
  u32 epoch_of(FrameNo f) const { return ref(notes[f.v].epoch).load(std::memory_order::relaxed); }
  void set_epoch(FrameNo f, u32 v) const { ref(notes[f.v].epoch).store(v, std::memory_order::relaxed); }
  FrameState state_of(FrameNo f) const { return use_of(f).state; }
  void set_use(FrameNo f, FrameUse u) const { ref(notes[f.v].use).store(u.value(), std::memory_order::relaxed); }
  void set_state(FrameNo f, FrameState s) const { set_use(f, {s, use_of(f).order}); }
  void set_order(FrameNo f, u8 order) const { set_use(f, {state_of(f), order}); }
};

}  // namespace hvo
