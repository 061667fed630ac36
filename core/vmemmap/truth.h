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

#include <span>

#include "core/base/arena.h"
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
    bool is_stable() const { return (word & kInProgressMask) == 0; }
  };
  /// True when the truth about `pfn` has not moved since it was asked. The word of its block says it all: also a byte
  /// of pages_ changes only while the word says so.
  HVO_DETECTOR bool still_holds(Pfn pfn, const Answer& before) const {
    barrier();
    return before.is_stable() && word_of(pfn) == before.word;
  }
  HVO_DETECTOR Answer about(Pfn pfn) const {
    const u64 word = word_of(pfn);
    const u8 whole = static_cast<u8>(word & 0xff);
    Word<u8>& own = const_cast<Word<u8>&>(pages_[pfn.v]);
    const Order order{whole != 0 ? static_cast<u8>(whole - 1) : ref(own).load(std::memory_order::relaxed)};
    barrier();
    return {word, order, {pfn.v & (~u64{0} << order.v)}};
  }

  /// Announces that the pages [first, first + 2^order) are about to change. The caller owns them all; other
  /// owners may change other pages of the same blocks meanwhile.
  void begin_change(Pfn first, Order order);
  /// The range now holds compounds of order `each` (order 0: single pages).
  void end_change(Pfn first, Order order, Order each);

  /// Keeps the compiler from moving accesses of the lookup across those of the detector.
  static void barrier() { asm volatile("" ::: "memory"); }

 private:
  HVO_DETECTOR u64 word_of(Pfn pfn) const {
    return ref(const_cast<Word<u64>&>(blocks_[pfn.v >> block_.v])).load(std::memory_order::relaxed);
  }

  static constexpr u64 kInProgress = u64{1} << 8;
  static constexpr u64 kInProgressMask = u64{0xff} << 8;
  static constexpr u64 kChange = u64{1} << 16;

  Order block_;
  /// changes << 16 | changes in progress << 8 | order + 1 of the whole block, or 0: mixed, see pages_
  std::span<Word<u64>> blocks_;
  std::span<Word<u8>> pages_;  ///< order of the compound that holds this pfn; valid for mixed blocks
};

}  // namespace hvo
