// lookup_check: lookups held against the truth.
#pragma once

#include "core/vmemmap/vmemmap.h"

namespace hvo {

/// How a lookup's answer compares with the truth.
enum class LookupResult : u8 {
  right,
  truth_moved,  ///< a compound was formed or destroyed meanwhile: nothing can be said
  self_head,    ///< the tail itself was returned, though the truth stood still: it raced with a restore
  wrong,        ///< any other answer; also the tail itself, where it still is read-only: no restore has come by
  nowhere,      ///< no struct page at all
};

/// One CPU's lookups, each held against the truth. Counts lookups and windows; reports nothing: the caller knows
/// whether it held a reference, and so what a wrong answer means.
///
/// For a loop of lookups: while one is in scope the CPU is in Op::compound_head, and what a lookup needs of the
/// machine's wiring is copied into it once, so that a compiler can keep it in registers (the truth's barriers make it
/// load again whatever lives in the machine).
template <class Encoding>
class LookupChecker {
 public:
  LookupChecker(Cpu& cpu, Vmemmap& vmemmap) : cpu_(cpu), vmemmap_(vmemmap) {}
  ~LookupChecker() { cpu_.count(Event::lookup, nr_lookups_); }
  LookupChecker(const LookupChecker&) = delete;
  LookupChecker& operator=(const LookupChecker&) = delete;

  /// compound_head(pfn), compared.
  [[gnu::always_inline]] LookupResult look_up(Pfn pfn) {
    const Word<u64>& block = truth_.block_of(pfn);
    const u64 before = Truth::read(block);
    const Page p = base_ + pfn.v;
    const Page head = compound_head<Encoding>(pages_, p);
    ++nr_lookups_;
    if (!Truth::is_changing(before)) [[likely]] {
      // No head is at offset zero and below, so a mask of zero is none.
      if (Truth::read(block) == before && head.va == (p.va & Truth::head_mask_of_whole(before))) [[likely]] {
        return LookupResult::right;
      }
    }
    return compare(cpu_, vmemmap_, before, p, head, nr_undone_);
  }

 private:
  /// Every case, after a lookup that began when the truth's word was `before`. Not a function of the checker: that
  /// would give it an address, and with it a place in memory.
  HVO_OFF_THE_FAST_PATH static LookupResult compare(Cpu& cpu, Vmemmap& vmemmap, u64 before, Page p, Page head,
                                                    u64 nr_undone) noexcept {
    const Truth& truth = vmemmap.truth();
    const Pfn pfn = vmemmap.pfn_of(p);
    const Order order = truth.order_in(before, pfn);
    if (Truth::is_changing(before) || Truth::read(truth.block_of(pfn)) != before) {
      cpu.count(Event::window_truth_moved);
      return LookupResult::truth_moved;
    }
    if (head == vmemmap.page_of(align_down(pfn, order))) return LookupResult::right;
    const u64 first = vmemmap.page_of({0}).va;
    const bool is_page =
        (head.va - first) % kStructPageSize == 0 && (head.va - first) / kStructPageSize < vmemmap.nr_pages();
    if (!is_page) return LookupResult::nowhere;
    if (head != p) return LookupResult::wrong;
    // An alias becomes writable by a restore, after which it stays so while the truth stands still, or by a remap that
    // is undone. Neither has been: the page was an alias all along, and the check for fake heads failed. An undoing is
    // counted before its first PTE store: who has read through that PTE reads the count after it, and sees it counted
    // (Truth says why relaxed accesses are enough here).
    const Pte pte = vmemmap.table().peek(p.va);
    const bool is_alias = pte.is_present() && !pte.is_writable();
    if (is_alias && vmemmap.nr_undone() == nr_undone) return LookupResult::wrong;
    cpu.count(Event::window_self_head);
    return LookupResult::self_head;
  }

  Cpu& cpu_;
  Vmemmap& vmemmap_;
  OpScope scope_{cpu_, Op::compound_head, false};
  const Truth truth_ = vmemmap_.truth();
  const CpuPages pages_ = vmemmap_.pages(cpu_);
  const Page base_ = vmemmap_.page_of({0});
  u64 nr_undone_ = vmemmap_.nr_undone();
  u64 nr_lookups_ = 0;
};

/// One lookup, as by a LookupChecker.
template <class Encoding>
LookupResult checked_compound_head(Cpu& cpu, Vmemmap& vmemmap, Pfn pfn) {
  return LookupChecker<Encoding>(cpu, vmemmap).look_up(pfn);
}

}  // namespace hvo
