// Hugepages freed where nobody may sleep: kept on a lock-free list and freed by a worker, one by one.
//
// Synchronises-with pair: (1) a folio is pushed: cmpxchg, fully ordered ↔ (2) the worker takes all: exchange, fully
// ordered. What the freeing CPU did to the folio before is visible to the worker.
#include "core/hugetlb/hugetlb.h"

namespace hvo {

void Hugetlb::free_huge_folio_atomic(Cpu& cpu, Pfn head) {
  const OpScope scope(cpu, Op::free_huge_folio);
  Hstate* const h = hstate_of(cpu, head);
  if (h == nullptr) return;
  cpu.count(Event::huge_free);
  if (!take_out(cpu, *h, head)) return;
  if (!optimizer_.is_optimized(cpu, head)) {
    free_restored(cpu, *h, head);
    return;
  }
  defer(cpu, head);
}

void Hugetlb::defer(Cpu& cpu, Pfn head) {
  const u32 n = index_of(head) + 1;
  u32 first = cpu.read_once(s_->deferred);
  for (;;) {
    links_[n - 1] = first;                                // nobody else reads it before it is on the list
    const u32 old = cpu.cmpxchg(s_->deferred, first, n);  // (1)
    if (old == first) break;
    first = old;
  }
  cpu.count(Event::free_deferred);
  // An empty list means that no work is pending: this is where the kernel schedules it.
  if (first == 0) cpu.count(Event::work_scheduled);
}

u64 Hugetlb::free_hpage_work(Cpu& cpu) {
  const OpScope scope(cpu, Op::free_hpage_work);
  u64 nr = 0;
  for (u32 n = cpu.xchg(s_->deferred, u32{0}); n != 0; ++nr) {  // (2)
    const Pfn head = pfn_of(n - 1);
    n = links_[n - 1];
    if (Hstate* const h = hstate_of(cpu, head); h != nullptr) (void)update_and_free_hugetlb_folio(cpu, *h, head);
  }
  if (nr > 1) cpu.count(Event::window_deferred_backlog);
  return nr;
}

}  // namespace hvo
