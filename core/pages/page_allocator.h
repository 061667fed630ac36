// PageAllocator: hands out modelled memory by pfn: single pages, compounds, and frozen ranges for hugepages.
//
// Locks: a zone spinlock round the buddy, nothing else; struct pages are prepared and checked by their owner outside
// it. Every page is charged to the machine's budget, which the vmemmap's frames are charged to as well.
#pragma once

#include <expected>

#include "core/frame/buddy.h"
#include "core/frame/budget.h"
#include "core/sync/spin_lock.h"
#include "core/vmemmap/page_ref.h"
#include "core/vmemmap/vmemmap.h"

namespace hvo {

class PageAllocator {
 public:
  /// All pfns of `vmemmap` are free at first. `budget` must have at least as many pages charged to nobody.
  PageAllocator(Arena& arena, Vmemmap& vmemmap, Budget budget);

  /// 2^order pages, aligned, frozen (count 0), still single pages: the caller forms a compound. Error: enomem.
  /// Source: __alloc_frozen_pages().
  std::expected<Pfn, Errno> alloc_frozen_pages(Cpu& cpu, Order order);
  /// A page (order 0) or compound with one reference. Errors: enomem; efault if a struct page trapped.
  /// Source: alloc_pages(__GFP_COMP).
  std::expected<Pfn, Errno> alloc_pages(Cpu& cpu, Order order);
  /// Gives a frozen page or compound back. Its struct pages are checked first: if one is bad, the whole is reported,
  /// kept out of the buddy for good and counted as leaked, as the kernel does. Source: free_frozen_pages(), bad_page().
  void free_frozen_pages(Cpu& cpu, Pfn head, Order order);
  /// Gives frozen single pages back that were never made a compound.
  void free_frozen_range(Cpu& cpu, Pfn first, Order order);
  /// Drops one reference; frees the page or compound of `order` when it was the last. Source: put_page(), folio_put().
  void put_page(Cpu& cpu, Pfn head, Order order);

  u64 nr_free(Cpu& cpu);
  /// Pages that a failed check keeps out of the buddy.
  u64 nr_leaked(Cpu& cpu) { return cpu.read_once(s_->nr_leaked); }
  /// Pages that a memory error keeps out of it.
  u64 nr_kept_out(Cpu& cpu) { return cpu.read_once(s_->nr_kept_out); }
  /// Recounts the buddy, and looks at every free page: single, and as it must be at free. Quiescent machine. Reports
  /// conservation, bad_page.
  bool validate(Cpu& cpu);

 private:
  struct State {
    SpinLock zone_lock{LockRank(LockClass::zone, 1)};
    Word<u64> nr_leaked;
    Word<u64> nr_kept_out;
  };

  /// Gives pages back one by one, but for those with a memory error.
  void free_healthy_pages(Cpu& cpu, Pfn first, Order order);
  void free_to_buddy(Cpu& cpu, Pfn first, Order order);
  bool is_poisoned(Cpu& cpu, Pfn pfn) const {
    return (cpu.read_once_at<u64>(vmemmap_.page_of(pfn).va + page_field::flags) & PG_hwpoison) != 0;
  }
  bool validate_free_page(Cpu& cpu, Pfn pfn);

  Vmemmap& vmemmap_;
  Budget budget_;
  State* s_;
  Buddy<Pfn> buddy_ HVO_GUARDED_BY(s_->zone_lock);
};

}  // namespace hvo
