// lookup_cost: what one compound_head() takes, counted by running it.
#pragma once

#include "core/vmemmap/compound_head.h"

namespace hvo {

/// One lookup. Loads are counted as they happen. Branches are reckoned from them: one for each test of the alignment,
/// and Encoding::kBranchesPerLoad for each load; that number is data, for a compiler may turn a branch into a
/// conditional move. A static key is a patched jump: neither load nor branch, counted apart.
struct LookupCost {
  u32 loads = 0;
  u32 branches = 0;
  u32 key_tests = 0;
  friend constexpr bool operator==(const LookupCost&, const LookupCost&) = default;
};

/// An accessor that counts and leaves the work to another one.
template <PageAccessor A>
struct CountingPages {
  const A& pages;
  LookupCost& cost;

  u64 read_once(Page p, u64 field) const {
    ++cost.loads;
    return pages.read_once(p, field);
  }
  bool key_enabled() const {
    ++cost.key_tests;
    return pages.key_enabled();
  }
  bool is_page_aligned(Page p) const {
    ++cost.branches;
    return pages.is_page_aligned(p);
  }
};

/// The cost of compound_head(p) as memory is now.
template <class Encoding, PageAccessor A>
LookupCost lookup_cost(const A& pages, Page p) {
  LookupCost cost;
  (void)compound_head<Encoding>(CountingPages<A>{pages, cost}, p);
  cost.branches += cost.loads * Encoding::kBranchesPerLoad;
  return cost;
}

}  // namespace hvo
