// Truth: what every lookup should answer, kept beside the machine.
//
// One word per block (the pages of a default hugepage): a change count and the order of the compound that the whole
// block belongs to. Only a block of mixed use has a byte per pfn. Compounds are naturally aligned, so an order says
// where the head is.
//
// A detector: never a step, and it orders nothing (all accesses relaxed, uninstrumented). A block's word counts changes
// and those in progress; a reader that saw the same word, with none in progress, before and after its lookup may hold
// the answer against the order. It moves only when a compound is formed, destroyed or demoted, never for optimise,
// remap or restore: those are what the lookup must survive. What makes relaxed accesses enough here is the host: x86
// keeps loads in order with loads and stores with stores, and the compiler is kept from moving them (barrier()).
#pragma once

#include <array>
#include <span>

#include "core/base/arena.h"
#include "core/base/geometry.h"
#include "core/base/units.h"
#include "core/cpu/diagnostics.h"
#include "core/cpu/word.h"

namespace hvo {

class Truth {
 public:
  /// `nr_pages`: of the machine; all of order 0 at first. `block`: order of a block.
  Truth(Arena& arena, u64 nr_pages, Order block);

  /// The truth about `pfn` at one moment.
  struct Answer {
    u64 word = 0;  ///< equal before and after a lookup: the truth did not move
    Order order;
    Pfn head;
    bool is_stable() const { return !is_changing(word); }
  };
  HVO_DETECTOR Answer about(Pfn pfn) const {
    const u64 word = read(block_of(pfn));
    const Order order = order_in(word, pfn);
    return {word, order, align_down(pfn, order)};
  }

  // A lookup held against the truth reads the word of the block, looks up, asks for the order, and reads the word
  // again. When both are the same and in no change, that order was the truth all the while.

  /// The word of the block that holds `pfn`.
  const Word<u64>& block_of(Pfn pfn) const { return blocks_[pfn.v >> block_.v]; }
  HVO_DETECTOR static u64 read(const Word<u64>& block) {
    barrier();
    const u64 word = ref(const_cast<Word<u64>&>(block)).load(std::memory_order::relaxed);
    barrier();
    return word;
  }
  static bool is_changing(u64 word) { return (word & kInProgressMask) != 0; }
  /// What takes an offset into the vmemmap to that of its head, when all of the block belongs to one compound; zero
  /// when not. From a table: cheaper than a shift by what has just been loaded.
  static u64 head_mask_of_whole(u64 word) { return kHeadMasks[word & 0xff]; }
  /// The order of the compound that holds `pfn`, when its block has this word.
  HVO_DETECTOR Order order_in(u64 word, Pfn pfn) const {
    if (const u8 whole = static_cast<u8>(word); whole != 0) return {static_cast<u8>(whole - 1)};
    return {ref(const_cast<Word<u8>&>(pages_[pfn.v])).load(std::memory_order::relaxed)};
  }

  /// Announces that the pages [first, first + 2^order) are about to change. The caller owns them all; other
  /// owners may change other pages of the same blocks meanwhile.
  void begin_change(Pfn first, Order order);
  /// The range now holds compounds of order `each` (order 0: single pages).
  void end_change(Pfn first, Order order, Order each);

  /// Keeps the compiler from moving accesses of the lookup across those of the detector.
  static void barrier() { asm volatile("" ::: "memory"); }

 private:
  static constexpr u64 kInProgress = u64{1} << 8;
  static constexpr u64 kInProgressMask = u64{0xff} << 8;
  static constexpr u64 kChange = u64{1} << 16;

  static constexpr auto kHeadMasks = [] {
    std::array<u64, 256> masks{};
    for (u64 order = 0; order + kStructPageShift < 64; ++order)
      masks[order + 1] = ~u64{0} << (order + kStructPageShift);
    return masks;
  }();

  Order block_;
  /// changes << 16 | changes in progress << 8 | order + 1 of the whole block, or 0: mixed, see pages_
  std::span<Word<u64>> blocks_;
  std::span<Word<u8>> pages_;  ///< order of the compound that holds this pfn; valid for mixed blocks
};

}  // namespace hvo
