// PageAllocator: hands out modelled memory by pfn: single pages, compounds, and frozen ranges for hugepages.
//
// Each node has a buddy of its own. Locks: a zone spinlock round it, never two at once, and nothing else; struct pages
// are prepared and checked by their owner outside it. Every page is charged to the budget of the node that it lies on,
// which that node's frames are charged to as well.
#pragma once

#include <expected>
#include <vector>

#include "core/frame/buddy.h"
#include "core/frame/budget.h"
#include "core/sync/spin_lock.h"
#include "core/vmemmap/page_ref.h"
#include "core/vmemmap/vmemmap.h"

namespace hvo {

class PageAllocator {
 public:
  /// All pfns of `vmemmap` are free at first. A budget for each of its nodes.
  PageAllocator(Arena& arena, Vmemmap& vmemmap, std::span<const Budget> budgets);
  /// One node.
  PageAllocator(Arena& arena, Vmemmap& vmemmap, const Budget& budget)
      : PageAllocator(arena, vmemmap, std::span<const Budget>(&budget, 1)) {}

  /// 2^order pages, aligned, frozen (count 0), still single pages: the caller forms a compound. Error: enomem.
  /// Source: __alloc_frozen_pages().
  std::expected<Pfn, Errno> alloc_frozen_pages(Cpu& cpu, Order order, Placement at = {});
  /// Boot: takes these very pages, free so far. False when they are not. Source: memblock_alloc().
  bool take_boot_pages(Cpu& cpu, Pfn first, Order order);
  /// A page (order 0) or compound with one reference. Errors: enomem; efault if a struct page trapped.
  /// Source: alloc_pages(__GFP_COMP).
  std::expected<Pfn, Errno> alloc_pages(Cpu& cpu, Order order, Placement at = {});
  /// Gives a frozen page or compound back. Its struct pages are checked first: if one is bad, the whole is reported,
  /// kept out of the buddy for good and counted as leaked, as the kernel does. Source: free_frozen_pages(), bad_page().
  void free_frozen_pages(Cpu& cpu, Pfn head, Order order);
  /// Gives frozen single pages back that were never made a compound.
  void free_frozen_range(Cpu& cpu, Pfn first, Order order);
  /// Drops one reference; frees the page or compound of `order` when it was the last. Source: put_page(), folio_put().
  void put_page(Cpu& cpu, Pfn head, Order order);

  /// For reports: where the lock is.
  const SpinLock& zone_lock(NodeId node) const { return nodes_[node.v].zone_lock; }

  u64 nr_free(Cpu& cpu);
  u64 nr_free(Cpu& cpu, NodeId node);
  /// Pages that a failed check keeps out of the buddy.
  u64 nr_leaked(Cpu& cpu) { return cpu.read_once(s_->nr_leaked); }
  /// Pages that a memory error keeps out of it.
  u64 nr_kept_out(Cpu& cpu) { return cpu.read_once(s_->nr_kept_out); }
  /// Recounts the buddies, and looks at every free page: single, and as it must be at free. Quiescent machine. Reports
  /// conservation, bad_page.
  bool validate(Cpu& cpu);

 private:
  struct State {
    Word<u64> nr_leaked;
    Word<u64> nr_kept_out;
  };
  struct NodePages {
    SpinLock& zone_lock;
    Budget budget;
    Buddy<Pfn> buddy HVO_GUARDED_BY(zone_lock);
  };

  /// Pages of this node, or kNoPfn.
  Pfn take(Cpu& cpu, NodePages& node, Order order);
  NodePages& owner(Pfn pfn) { return nodes_[vmemmap_.node_of(pfn).v]; }
  /// Gives pages back one by one, but for those with a memory error.
  void free_healthy_pages(Cpu& cpu, Pfn first, Order order);
  void free_to_buddy(Cpu& cpu, Pfn first, Order order);
  bool is_poisoned(Cpu& cpu, Pfn pfn) const {
    return (cpu.read_once_at<u64>(vmemmap_.page_of(pfn).va + page_field::flags) & PG_hwpoison) != 0;
  }
  bool validate_free_page(Cpu& cpu, Pfn pfn);
  bool validate_node(Cpu& cpu, NodeId id);

  Vmemmap& vmemmap_;
  State* s_;
  std::vector<NodePages> nodes_;
};

}  // namespace hvo
