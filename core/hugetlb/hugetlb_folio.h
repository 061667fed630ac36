// HugetlbFolios: single hugepages, from the page allocator and back, optimised on the way.
//
// The order of steps is the contract: a folio is a compound before its vmemmap is optimised, and fully restored before
// its compound is taken apart; from prep to the end it is frozen unless handed out.
#pragma once

#include "core/hvo/vmemmap_optimizer.h"
#include "core/pages/page_allocator.h"

namespace hvo {

class HugetlbFolios {
 public:
  HugetlbFolios(Vmemmap& vmemmap, PageAllocator& pages, VmemmapOptimizer& optimizer)
      : vmemmap_(vmemmap), pages_(pages), optimizer_(optimizer) {}

  /// A new hugepage with one reference. Failure to optimise is silent, as in the kernel: the folio stays full.
  /// Errors: enomem, efault. Source: alloc_fresh_hugetlb_folio() of mm/hugetlb.c.
  std::expected<Pfn, Errno> alloc_fresh_hugetlb_folio(Cpu& cpu, Order order);

  /// Drops the caller's reference, which must be the last or be so as soon as walkers have dropped theirs, and gives
  /// the folio back to the page allocator. Error: enomem, the vmemmap could not be restored; the folio is whole,
  /// optimised and referenced as before, and the call can be repeated. ebusy: somebody else holds a reference; nothing
  /// changed. Source: free_huge_folio() and update_and_free_hugetlb_folio() in one.
  std::expected<void, Errno> free_hugetlb_folio(Cpu& cpu, Pfn head, Order order);

 private:
  Vmemmap& vmemmap_;
  PageAllocator& pages_;
  VmemmapOptimizer& optimizer_;
};

}  // namespace hvo
