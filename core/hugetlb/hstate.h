// Hstate: one size of hugepage, its counters and its free list.
#pragma once

#include <array>

#include "core/base/index_list.h"
#include "core/base/nodes.h"
#include "core/sync/mutex.h"

namespace hvo {

/// The counters of one pool, as /sys/kernel/mm/hugepages/hugepages-*kB shows them, and max_huge_pages.
/// persistent = nr - surplus; in use = nr - free.
struct PoolCounters {
  u64 nr_huge_pages = 0;       ///< free, in use and temporary
  u64 free_huge_pages = 0;     ///< on the free list
  u64 surplus_huge_pages = 0;  ///< beyond what was asked for: overcommit, a shrunk pool in use, a failed restore
  u64 nr_overcommit_huge_pages = 0;
  u64 max_huge_pages = 0;  ///< persistent pages that were last reached
  constexpr u64 persistent() const { return nr_huge_pages - surplus_huge_pages; }
  friend constexpr bool operator==(const PoolCounters&, const PoolCounters&) = default;
};

/// A node's share of them, as /sys/devices/system/node/node*/hugepages shows it.
struct NodePoolCounters {
  u64 nr_huge_pages = 0;
  u64 free_huge_pages = 0;
  u64 surplus_huge_pages = 0;
  constexpr u64 persistent() const { return nr_huge_pages - surplus_huge_pages; }
  friend constexpr bool operator==(const NodePoolCounters&, const NodePoolCounters&) = default;
};

/// The folios of a pool that lie on one node. Under hugetlb_lock.
struct NodePool {
  ListHead free_list;
  NodePoolCounters counters;
  u64 nr_lost = 0;  ///< folios that can never be freed: HPG_raw_hwp_unreliable
};

/// One pool. In the arena. Source: struct hstate.
struct Hstate {
  Hstate() = default;
  Hstate(Order size, unsigned sub_order) : resize_lock(LockRank(LockClass::resize, sub_order)), order(size) {}

  /// Held by whoever changes the pool's size; of two, the larger hugepage's first.
  Mutex resize_lock{LockRank(LockClass::resize)};
  Order order;
  Order demote_order;         ///< size that its folios are demoted to; 0: none is smaller. Under resize_lock
  u32 next_nid_to_alloc = 0;  ///< whose turn it is to get a new folio. Under resize_lock
  u32 next_nid_to_free = 0;   ///< to lose one. Under resize_lock
  // All below: under hugetlb_lock.
  u32 nr_demoting = 0;    ///< folios that a demotion has taken out and not yet split or put back
  PoolCounters counters;  ///< each is the sum of the nodes'
  std::array<NodePool, kMaxNodes> nodes;
};

}  // namespace hvo
