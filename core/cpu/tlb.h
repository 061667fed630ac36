// The TLB of one CPU: two direct-mapped arrays, one for pages and one for PMD-sized blocks. Private to its CPU.
#pragma once

#include <span>

#include "core/base/units.h"

namespace hvo {

/// One cached translation, of a page or of a whole PMD. Stale when its frame's epoch is past epoch().
struct TlbEntry {
  static constexpr u64 kEmpty = ~u64{0};
  u64 tag = kEmpty;         ///< va >> page_shift, or va >> pmd_shift in the array of blocks
  u64 to_memory = 0;        ///< added to an address that it maps: bytes from the start of frame 0
  u64 frame_and_epoch = 0;  ///< see of(): one load for both
  u32 writable = 0;         ///< a bool; 32 bits so that hashed state has no padding
  u32 from_block = 0;       ///< a bool: a page of a block's entry, kept so that it is found at once

  static constexpr u64 of(FrameNo frame, u32 epoch) { return u64{epoch} << 32 | frame.v; }
  /// The first frame that it maps.
  constexpr FrameNo frame() const { return {static_cast<u32>(frame_and_epoch)}; }
  /// FrameTable::clock when it was filled.
  constexpr u32 epoch() const { return static_cast<u32>(frame_and_epoch >> 32); }
};
static_assert(sizeof(TlbEntry) == 32);

/// What a walk of the page tables found.
struct Translation {
  bool present = false;
  bool is_block = false;  ///< mapped by a PMD leaf
  bool writable = false;
  FrameNo frame;  ///< of the page, or the first of the block
};

struct Tlb {
  std::span<TlbEntry> pages;   ///< a power of two of entries
  std::span<TlbEntry> blocks;  ///< a power of two of entries
  u8 page_shift = 12;
  u8 pmd_shift = 21;

  TlbEntry& page_slot(u64 va) const { return pages[(va >> page_shift) & (pages.size() - 1)]; }
  TlbEntry& block_slot(u64 va) const { return blocks[(va >> pmd_shift) & (blocks.size() - 1)]; }

  /// Drops every entry, of any size, that overlaps [first, last]. A page of a block goes with its block, as on x86,
  /// where one address of a large page drops all that was cached of it.
  void flush(u64 first, u64 last) const {
    const u8 page_to_pmd = pmd_shift - page_shift;
    for (TlbEntry& e : pages) {
      if (e.tag == TlbEntry::kEmpty) continue;
      const bool overlaps = e.from_block != 0 ? is_within(e.tag >> page_to_pmd, first >> pmd_shift, last >> pmd_shift)
                                              : is_within(e.tag, first >> page_shift, last >> page_shift);
      if (overlaps) e = {};
    }
    for (TlbEntry& e : blocks) {
      if (e.tag != TlbEntry::kEmpty && is_within(e.tag, first >> pmd_shift, last >> pmd_shift)) e = {};
    }
  }

 private:
  static bool is_within(u64 tag, u64 first, u64 last) { return tag >= first && tag <= last; }
};

}  // namespace hvo
