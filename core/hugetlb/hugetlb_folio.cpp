#include "core/hugetlb/hugetlb_folio.h"

namespace hvo {

std::expected<Pfn, Errno> HugetlbFolios::alloc_fresh_hugetlb_folio(Cpu& cpu, Order order) {
  const OpScope scope(cpu, Op::alloc_hugetlb_folio);
  const auto head = pages_.alloc_frozen_pages(cpu, order);
  if (!head) return head;
  if (auto r = vmemmap_.prep_compound_page(cpu, *head, order); !r) return std::unexpected(r.error());
  (void)optimizer_.hugetlb_vmemmap_optimize_folio(cpu, *head, order);
  if (!page_ref_unfreeze(vmemmap_.pages(cpu), vmemmap_.page_of(*head), 1)) return std::unexpected(Errno::efault);
  cpu.count(Event::huge_alloc);
  return head;
}

std::expected<void, Errno> HugetlbFolios::free_hugetlb_folio(Cpu& cpu, Pfn head, Order order) {
  const OpScope scope(cpu, Op::free_huge_folio);
  const auto pages = vmemmap_.pages(cpu);
  const Page page = vmemmap_.page_of(head);
  const auto frozen = page_ref_freeze(pages, page, 1);
  if (!frozen) return std::unexpected(Errno::efault);
  if (!*frozen) return std::unexpected(Errno::ebusy);
  if (auto r = optimizer_.hugetlb_vmemmap_restore_folio(cpu, head, order); !r) {
    if (!page_ref_unfreeze(pages, page, 1)) return std::unexpected(Errno::efault);
    return r;
  }
  pages_.free_frozen_pages(cpu, head, order);
  cpu.count(Event::huge_free);
  return {};
}

}  // namespace hvo
