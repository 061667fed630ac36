// Dissolving one free hugepage: memory hotplug and memory errors want its pages back.
#include "core/hugetlb/hugetlb.h"

namespace hvo {

std::expected<void, Errno> Hugetlb::dissolve_free_hugetlb_folio(Cpu& cpu, Pfn head) {
  const OpScope scope(cpu, Op::dissolve_free_hugetlb_folio);
  Hstate* h = nullptr;
  bool was_surplus = false;
  bool removes = true;
  {
    const SpinIrqGuard guard(cpu, s_->hugetlb_lock);
    // Nobody has a reference: it may be something else by now, and change between two looks.
    const CompoundMeta meta = folio_meta(vmemmap_.pages(cpu), {vmemmap_.page_of(head)});
    if (!meta.is_hugetlb() || !has_pool(meta.order())) return {};  // somebody was faster
    h = &hstate(meta.order());
    const NodePool& of = pool_of(*h, head);
    // Without its safeguard a gigantic folio is not taken out, and is put back all the same (Z24).
    removes = has(Safeguard::removed_before_added) || h->order == smallest_;
    const bool is_free = removes ? take_off_free_list(cpu, *h, head) : has_hpg(cpu, head, HPG_freed);
    if (!is_free) {
      cpu.count(Event::window_dissolve_lost);
      return std::unexpected(Errno::ebusy);
    }
    was_surplus = of.counters.surplus_huge_pages != 0;
    if (removes) remove_hugetlb_folio(cpu, *h, head, was_surplus);
    if (!was_surplus) --h->counters.max_huge_pages;
  }
  if (const auto restored = restore(cpu, head, h->order); !restored) {
    // Exactly as it was, whatever kind of folio it was.
    cpu.count(Event::window_dissolve_undone);
    const SpinIrqGuard guard(cpu, s_->hugetlb_lock);
    add_hugetlb_folio(cpu, *h, head, was_surplus);
    if (!was_surplus) ++h->counters.max_huge_pages;
    return restored;
  }
  if (!removes) return {};
  free_restored(cpu, *h, head);
  cpu.count(Event::folio_dissolved);
  return {};
}

}  // namespace hvo
