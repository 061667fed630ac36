// lookup_check: lookups held against the truth.
#pragma once

#include "core/vmemmap/vmemmap.h"

namespace hvo {

/// How a lookup's answer compares with the truth.
enum class LookupResult : u8 {
  right,
  truth_moved,  ///< a compound was formed or destroyed meanwhile: nothing can be said
  self_head,    ///< the tail itself was returned, though the truth stood still: it raced with a restore
  wrong,        ///< any other answer
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

  /// compound_head(pfn), compared.
  [[gnu::always_inline]] LookupResult look_up(Pfn pfn) {
    const Truth::Answer before = truth_.about(pfn);
    const u64 served = nr_served_;
    const Page p = base_ + pfn.v;
    const Page head = compound_head<Encoding>(CpuPages(pages_), p);
    count(Event::lookup);
    if (nr_served_ != served) [[unlikely]]
      count(Event::window_flush_served_mid_lookup);
    if (!truth_.still_holds(pfn, before)) [[unlikely]] {
      count(Event::window_truth_moved);
      return LookupResult::truth_moved;
    }
    if (head == base_ + before.head.v) [[likely]]
      return LookupResult::right;
    if (head != p) return LookupResult::wrong;
    count(Event::window_self_head);
    return LookupResult::self_head;
  }

 private:
  HVO_DETECTOR void count(Event e) { ++counts_[e]; }

  Cpu& cpu_;
  Vmemmap& vmemmap_;
  OpScope scope_{cpu_, Op::compound_head, false};
  EventCounts& counts_ = cpu_.diagnostics().counts;
  const u64& nr_served_ = cpu_.state().nr_served;
  const Truth truth_ = vmemmap_.truth();
  const CpuPages pages_ = vmemmap_.pages(cpu_);
  const Page base_ = vmemmap_.page_of({0});
};

/// One lookup, as by a LookupChecker.
template <class Encoding>
LookupResult checked_compound_head(Cpu& cpu, Vmemmap& vmemmap, Pfn pfn) {
  return LookupChecker<Encoding>(cpu, vmemmap).look_up(pfn);
}

}  // namespace hvo
