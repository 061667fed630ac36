// Memory errors in hugepages.
#include "core/hugetlb/hugetlb.h"

namespace hvo {

void Hugetlb::set_head_flag(Cpu& cpu, Pfn head, u64 flag, bool on) {
  const u64 va = vmemmap_.page_of(head).va + page_field::flags;
  if (on) {
    (void)cpu.fetch_or_at<u64>(va, flag);
  } else {
    (void)cpu.fetch_and_at<u64>(va, ~flag);
  }
}

bool Hugetlb::is_poisoned(Cpu& cpu, Pfn head) {
  return (cpu.read_once_at<u64>(vmemmap_.page_of(head).va + page_field::flags) & PG_hwpoison) != 0;
}

std::expected<void, Errno> Hugetlb::memory_failure(Cpu& cpu, Pfn pfn) {
  const OpScope scope(cpu, Op::memory_failure);
  const Page page = vmemmap_.page_of(pfn);
  const Pfn head = with_encoding(optimizer_.design().encoding, [&]<class E>(E) {
    return vmemmap_.pfn_of(page_folio<E>(vmemmap_.pages(cpu), page).head);
  });
  {
    const SpinIrqGuard guard(cpu, s_->hugetlb_lock);
    // Without a reference the folio may have changed meanwhile: what it is now counts, under the lock.
    if (is_marked(cpu, head) && head <= pfn &&
        pfn - head < folio_nr_pages(vmemmap_.pages(cpu), {vmemmap_.page_of(head)})) {
      note_raw_error(cpu, head, pfn);
      return {};
    }
  }
  // Not a hugepage's. With a reference the page stays what it is, and no tail of a hugepage has one.
  const auto taken = get_page_unless_zero(optimizer_.design(), vmemmap_.pages(cpu), vmemmap_.page_of(head));
  if (!taken) return std::unexpected(Errno::efault);
  if (!*taken) return std::unexpected(Errno::ebusy);
  if (!is_marked(cpu, head)) {
    (void)cpu.fetch_or_at<u64>(page.va + page_field::flags, PG_hwpoison);
    cpu.fetch_add(vmemmap_.nr_poisoned(), u64{1});
    cpu.count(Event::page_poisoned);
  }
  (void)folio_put(cpu, head);
  return {};
}

void Hugetlb::note_raw_error(Cpu& cpu, Pfn head, Pfn pfn) {
  if (raw_errors_.contains(index_of(head), pfn)) return;
  cpu.fetch_add(vmemmap_.nr_poisoned(), u64{1});
  cpu.count(Event::huge_poisoned);
  if (optimizer_.is_optimized(cpu, head)) cpu.count(Event::window_poison_met_optimized);
  set_head_flag(cpu, head, PG_hwpoison, true);
  if (raw_errors_.add(index_of(head), pfn)) return;
  // Which page it was is lost: the whole folio must never be used again.
  (void)cpu.fetch_or_at<u64>(vmemmap_.page_of(head).va + page_field::priv, HPG_raw_hwp_unreliable);
}

bool Hugetlb::is_unreliable(Cpu& cpu, Pfn head) {
  return (cpu.read_once_at<u64>(vmemmap_.page_of(head).va + page_field::priv) & HPG_raw_hwp_unreliable) != 0;
}

void Hugetlb::move_raw_errors(Cpu& cpu, Pfn head) {
  if (!is_poisoned(cpu, head)) return;
  set_head_flag(cpu, head, PG_hwpoison, false);
  raw_errors_.for_each(index_of(head), [&](Pfn pfn) { set_head_flag(cpu, pfn, PG_hwpoison, true); });
  raw_errors_.clear(index_of(head));
}

bool Hugetlb::validate_errors(Cpu& cpu) {
  bool ok = true;
  raw_errors_.for_each_injected([&](Pfn pfn) {
    const Pfn head = vmemmap_.truth().about(pfn).head;
    const u64 flags = cpu.read_once_at<u64>(vmemmap_.page_of(pfn).va + page_field::flags);
    const bool on_page = (flags & PG_hwpoison) != 0;
    const bool on_folio =
        is_marked(cpu, head) && (raw_errors_.contains(index_of(head), pfn) || is_unreliable(cpu, head));
    if (!on_page && !on_folio) ok = complain(cpu, pfn.v, 1, flags, "a memory error was lost (pfn, flags)");
  });
  return ok;
}

}  // namespace hvo
