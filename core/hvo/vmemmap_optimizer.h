// VmemmapOptimizer: takes the vmemmap frames of a folio's tails away, and gives them back.
//
// What it guarantees (HVO.md walks through it)
//   optimise: key up → grace period, if the design waits → flag set, if the head is about to be copied → PTEs remapped
//   →
//             flush → frames freed → flag set, if it was not yet.
//   restore:  grace period, if the design waits → frames allocated → filled → PTEs back → flush → flag cleared → key
//   down. A batch puts all flushes and grace periods together: splits, one flush, remaps, one flush, then frees. At
//   every moment each struct page reads as itself, through old translations and new ones, except that a fake head needs
//   the fake-head check; and the check is on whenever there is a fake head. A failure leaves the folio as it was.
// Callers hold
//   the folios: frozen (count 0), nobody else remaps them. No spinlock, interrupts on: it sleeps and flushes.
// Takes
//   the static key's mutex, then what VmemmapRemap takes.
// Source: mm/hugetlb_vmemmap.c of the design's kernel: hugetlb_vmemmap_optimize_folio(s),
// hugetlb_vmemmap_restore_folio(s).
#pragma once

#include "core/hvo/cost_check.h"
#include "core/hvo/vmemmap_remap.h"

namespace hvo {

class VmemmapOptimizer {
 public:
  VmemmapOptimizer(Arena& arena, const Design& design, Vmemmap& vmemmap, const FrameTable& frames, FrameSource& source,
                   Safeguards safeguards, u64 nr_cpus);

  const Design& design() const { return design_; }
  const Safeguards& safeguards() const { return safeguards_; }
  /// hugetlb_optimize_vmemmap: affects later optimisations only. Any CPU.
  void set_enabled(Cpu& cpu, bool enabled) { cpu.write_once(*enabled_, u32{enabled}); }

  /// Errors: enotsupp (design, switch, size or self-hosted vmemmap: nothing was tried), enomem (rolled back).
  std::expected<void, Errno> hugetlb_vmemmap_optimize_folio(Cpu& cpu, Pfn head, Order order);
  /// Nothing to do, and no error, when the folio is not optimised. Error: enomem (nothing was touched).
  std::expected<void, Errno> hugetlb_vmemmap_restore_folio(Cpu& cpu, Pfn head, Order order);
  /// The same for many frozen folios of one order, with two flushes and at most one grace period in all. A folio that
  /// can't be optimised stays full; when a remap runs out of memory, the frames already won are flushed and freed, and
  /// it is tried once more. Source: hugetlb_vmemmap_optimize_folios() (f4b7e3efaddb and the commits before it, 6.8).
  void hugetlb_vmemmap_optimize_folios(Cpu& cpu, std::span<const Pfn> heads, Order order);
  /// Restores from the first on, with one flush and at most one grace period in all; stops at the first that has no
  /// memory. Returns how many were restored, those that were never optimised included.
  /// Source: hugetlb_vmemmap_restore_folios().
  u64 hugetlb_vmemmap_restore_folios(Cpu& cpu, std::span<const Pfn> heads, Order order);
  /// Boot: what tails of this folio are to be mapped to (see VmemmapRemap::tails_at_boot); then, once it is mapped and
  /// its struct pages are written, that it counts as optimised. Source: hugetlb_vmemmap_optimize_bootmem_page().
  std::expected<FrameNo, Errno> tails_at_boot(Cpu& cpu, Pfn head, Order order) {
    return remap_.tails_at_boot(cpu, head, order);
  }
  void adopt_boot_folio(Cpu& cpu, Pfn head, Order order);
  /// HPG_vmemmap_optimized of the folio.
  bool is_optimized(Cpu& cpu, Pfn head) const;
  /// Frames that back struct pages (NR_MEMMAP and NR_MEMMAP_BOOT of newer kernels), and folios optimised right now.
  /// Statistics: relaxed, exact at a quiescent point, never a step. Any thread.
  u64 nr_memmap_pages() const { return remap_.nr_memmap_pages(); }
  u64 nr_optimized_folios() const { return ref(*nr_optimized_).load(std::memory_order::relaxed); }
  const SharedTails& shared_tails() const { return remap_.shared_tails(); }

 private:
  /// One call's grace period: waited for at most once, before its first remap.
  class GracePeriod;

  bool may_optimize(Cpu& cpu, Order order) const;
  /// Its vmemmap, or a part of it, lies in the memory that it describes: frames freed of it would be missing when that
  /// memory is removed. The kernel looks at the first PMD; here the last page is looked at, as hot-added memory is the
  /// last there is. Source: vmemmap_optimizable(), PageVmemmapSelfHosted.
  bool is_self_hosted(Cpu& cpu, Pfn head, Order order) const;
  CostBudget budget(u64 flushes) const { return {flushes, design_.waits_for_rcu ? u64{1} : u64{0}}; }
  std::expected<void, Errno> optimize(Cpu& cpu, Pfn head, Order order, Flush flush, GracePeriod& grace,
                                      FrameList& freed);
  std::expected<void, Errno> restore(Cpu& cpu, Pfn head, Order order, Flush flush, GracePeriod& grace);
  void raise_key(Cpu& cpu);
  void lower_key(Cpu& cpu);
  void set_flag(Cpu& cpu, Pfn head, bool optimized);
  /// HVO is for hugepages alone: whoever meets read-only tails must know them for a hugepage's. A detector.
  void check_is_hugetlb(Cpu& cpu, Pfn head, std::string_view what);

  const Design& design_;
  Vmemmap& vmemmap_;
  PageTable& table_;
  Safeguards safeguards_;
  VmemmapRemap remap_;
  Word<u32>* enabled_;
  Word<u64>* nr_optimized_;
};

}  // namespace hvo
