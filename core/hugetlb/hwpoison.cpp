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

Pfn Hugetlb::head_of(Cpu& cpu, Pfn pfn) const {
  return with_encoding(optimizer_.design().encoding, [&]<class E>(E) {
    return vmemmap_.pfn_of(page_folio<E>(vmemmap_.pages(cpu), vmemmap_.page_of(pfn)).head);
  });
}

std::expected<bool, Errno> Hugetlb::try_memory_failure_hugetlb(Cpu& cpu, Pfn pfn, Insist insist) {
  const SpinIrqGuard guard(cpu, s_->hugetlb_lock);
  const Pfn head = head_of(cpu, pfn);
  // Without a reference the answer may be a tail that was its own head for a moment; asked again, a fake head names
  // the real one. One look at order and mark, for between two both may change.
  const CompoundMeta meta = folio_meta(vmemmap_.pages(cpu), {vmemmap_.page_of(head)});
  const bool holds = meta.is_hugetlb() && has_pool(meta.order()) && align_down(pfn, meta.order()) == head;
  if (!holds || head_of(cpu, head) != head) return false;
  // Neither free nor in use: on its way into the pool, its head perhaps being copied, or out of it.
  const bool is_settled = has_hpg(cpu, head, HPG_freed) || vmemmap_.pages(cpu).refcount(vmemmap_.page_of(head)) != 0;
  if (!is_settled && insist == Insist::no) return std::unexpected(Errno::ebusy);
  note_raw_error(cpu, head, pfn);
  return true;
}

std::expected<void, Errno> Hugetlb::memory_failure(Cpu& cpu, Pfn pfn, Insist insist) {
  const OpScope scope(cpu, Op::memory_failure);
  if (insist == Insist::where_no_copy) {
    const bool may_be_lost = optimizer_.design().copies_head && has(Safeguard::error_waits_for_folio);
    insist = may_be_lost ? Insist::no : Insist::yes;
  }
  const auto noted = try_memory_failure_hugetlb(cpu, pfn, insist);
  if (!noted) return std::unexpected(noted.error());
  if (*noted) return {};
  // Not a hugepage's. With a reference the page stays what it is, and no tail of a hugepage has one.
  const Pfn head = head_of(cpu, pfn);
  OrTrap<bool> taken = false;
  {
    // It is a walker, and traps where walkers do.
    const OpScope walk(cpu, Op::pfn_walk_unfiltered, false);
    taken = get_page_unless_zero(optimizer_.design(), vmemmap_.pages(cpu), vmemmap_.page_of(head));
  }
  if (!taken) return std::unexpected(Errno::efault);
  if (!*taken) return std::unexpected(Errno::ebusy);
  // Before the reference the folio may have been freed and the page given away: then it pins something else.
  const bool is_same = head_of(cpu, pfn) == head && !is_marked(cpu, head);
  if (is_same) {
    (void)cpu.fetch_or_at<u64>(vmemmap_.page_of(pfn).va + page_field::flags, PG_hwpoison);
    cpu.fetch_add(vmemmap_.nr_poisoned(), u64{1});
    cpu.count(Event::page_poisoned);
  }
  (void)folio_put(cpu, head);
  if (!is_same) return std::unexpected(Errno::ebusy);
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
  set_hpg(cpu, head, HPG_raw_hwp_unreliable, true);
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
    const bool on_folio = is_marked(cpu, head) && is_poisoned(cpu, head) &&
                          (raw_errors_.contains(index_of(head), pfn) || has_hpg(cpu, head, HPG_raw_hwp_unreliable));
    if (!on_page && !on_folio) ok = complain(cpu, pfn.v, 1, flags, "a memory error was lost (pfn, flags)");
  });
  return ok;
}

}  // namespace hvo
