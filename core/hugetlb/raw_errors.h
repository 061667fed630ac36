// RawErrors: which pages of which hugepages have a memory error.
//
// A hugepage's tails may be read-only, so an error is noted on the folio: PG_hwpoison on its head, the page itself in a
// list. The kernel keeps that list in a tail of the head's frame; here it is a side table, and beside it stands every
// error that was ever injected, so that none can get lost unseen (Z9).
// Locks: hugetlb_lock for all of it.
#pragma once

#include <span>

#include "core/base/arena.h"
#include "core/base/units.h"

namespace hvo {

/// Source: struct raw_hwp_page, hugetlb_set_page_hwpoison(), free_raw_hwp_pages() of mm/memory-failure.c.
class RawErrors {
 public:
  static constexpr u32 kMostErrors = 512;  ///< a machine keeps; more are refused as if memory had run out

  /// `nr_folios`: of the smallest hugepage size.
  RawErrors(Arena& arena, u64 nr_folios)
      : s_(&arena.make<State>()), nodes_(arena.make_span<Node>(kMostErrors)), first_(arena.make_span<u32>(nr_folios)) {}

  /// Notes an error at `pfn` of folio `folio`. False: no room, the folio's list is unreliable from now on.
  bool add(u32 folio, Pfn pfn) {
    if (s_->nr_nodes == kMostErrors) return false;
    nodes_[s_->nr_nodes] = {pfn.v, first_[folio], 0};
    first_[folio] = ++s_->nr_nodes;  // index + 1; 0: no error
    return true;
  }
  bool contains(u32 folio, Pfn pfn) const {
    bool found = false;
    for_each(folio, [&](Pfn p) { found = found || p == pfn; });
    return found;
  }
  template <class Fn>
  void for_each(u32 folio, Fn fn) const {
    for (u32 n = first_[folio]; n != 0; n = nodes_[n - 1].next) fn(Pfn{nodes_[n - 1].pfn});
  }
  void clear(u32 folio) { first_[folio] = 0; }

  /// Every error that was ever noted, whatever became of it.
  template <class Fn>
  void for_each_injected(Fn fn) const {
    for (u32 n = 0; n < s_->nr_nodes; ++n) fn(Pfn{nodes_[n].pfn});
  }

 private:
  struct Node {
    u64 pfn = 0;
    u32 next = 0;  ///< index + 1
    u32 reserved = 0;
  };
  struct State {
    u32 nr_nodes = 0;
    u32 reserved = 0;
  };

  State* s_;
  std::span<Node> nodes_;
  std::span<u32> first_;
};

}  // namespace hvo
