// Baselines in both shapes that a compiler may give them.
#pragma once

#include "core/vmemmap/compound_head.h"

namespace hvo::bench {

/// PointerHead with a branch in it, as the kernel has: the empty statement on one of two paths can't be made a
/// conditional move of. Left alone, clang makes one, and a conditional move waits for a load that a predicted branch
/// does not wait for: fake-head, whose second path has loads and so is always a branch, then looks up to ten times
/// cheaper than the baseline in a chain.
struct BranchingPointerHead {
  template <PageAccessor A>
  [[gnu::always_inline]] static Page head(const A& a, Page p) {
    return head_by_pointer<BranchingPointerHead>(a, p);
  }
  template <PageAccessor A>
  [[gnu::always_inline]] static Page fixed(const A& /*a*/, Page p) {
    asm volatile("" : "+r"(p.va));
    return p;
  }
};

/// The same answer by arithmetic alone.
struct BranchFreePointerHead {
  template <PageAccessor A>
  [[gnu::always_inline]] static Page head(const A& a, Page p) {
    const u64 head = a.read_once(p, page_field::compound_head);
    const u64 is_tail = u64{0} - (head & 1);
    return {(p.va & ~is_tail) | ((head - 1) & is_tail)};
  }
};

}  // namespace hvo::bench
