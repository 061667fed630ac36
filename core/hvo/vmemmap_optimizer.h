// VmemmapOptimizer: takes the vmemmap frames of a folio's tails away, and gives them back.
//
// What it guarantees (one folio; HVO.md walks through it)
//   optimise: key up → PTEs of pages 1… to the head's frame, read-only → flush → frames freed → flag set.
//   restore:  frames allocated → filled from the head page as it is → PTEs back, read-write → flush → flag cleared →
//             key down.
//   A batch puts all flushes together: splits, one flush, remaps, one flush, then frees.
//   At every moment each struct page reads as itself, through old translations and new ones, except that a fake head
//   needs the fake-head check; and the check is on whenever there is a fake head.
//   A failure leaves the folio as it was.
// Callers hold
//   the folio: frozen (count 0), nobody else remaps it. No spinlock, interrupts on: it sleeps and flushes.
// Takes
//   the static key's mutex, then mmap_lock for reading, then page_table_lock (in the split), then allocator locks.
// Source: mm/hugetlb_vmemmap.c of 6.1: hugetlb_vmemmap_optimize(), hugetlb_vmemmap_restore(), vmemmap_remap_free(),
// vmemmap_remap_alloc().
#pragma once

#include "core/hvo/designs.h"
#include "core/hvo/frame_list.h"
#include "core/vmemmap/vmemmap.h"

namespace hvo {

class VmemmapOptimizer {
 public:
  VmemmapOptimizer(Arena& arena, const Design& design, Vmemmap& vmemmap, const FrameTable& frames, FrameSource& source,
                   Safeguards safeguards, u64 nr_cpus);

  const Design& design() const { return design_; }
  /// hugetlb_optimize_vmemmap: affects later optimisations only. Any CPU.
  void set_enabled(Cpu& cpu, bool enabled) { cpu.write_once(*enabled_, u32{enabled}); }

  /// Errors: enotsupp (design, switch or size: nothing was tried), enomem (rolled back).
  std::expected<void, Errno> hugetlb_vmemmap_optimize_folio(Cpu& cpu, Pfn head, Order order);
  /// Nothing to do, and no error, when the folio is not optimised. Error: enomem (nothing was touched).
  std::expected<void, Errno> hugetlb_vmemmap_restore_folio(Cpu& cpu, Pfn head, Order order);
  /// The same for many frozen folios of one order, with two flushes in all. A folio that can't be optimised stays full;
  /// when a remap runs out of memory, the frames already won are flushed and freed, and it is tried once more.
  /// Source: hugetlb_vmemmap_optimize_folios() (f4b7e3efaddb and the commits before it, 6.8).
  void hugetlb_vmemmap_optimize_folios(Cpu& cpu, std::span<const Pfn> heads, Order order);
  /// Restores from the first on, with one flush in all; stops at the first that has no memory. Returns how many were
  /// restored, those that were never optimised included. Source: hugetlb_vmemmap_restore_folios().
  u64 hugetlb_vmemmap_restore_folios(Cpu& cpu, std::span<const Pfn> heads, Order order);
  /// HPG_vmemmap_optimized of the folio.
  bool is_optimized(Cpu& cpu, Pfn head) const;
  /// Frames that back struct pages (NR_MEMMAP and NR_MEMMAP_BOOT of newer kernels), and folios optimised right now.
  /// Statistics: relaxed, exact at a quiescent point, never a step. Any thread.
  u64 nr_memmap_pages() const { return ref(stats_->nr_memmap_pages).load(std::memory_order::relaxed); }
  u64 nr_optimized_folios() const { return ref(stats_->nr_optimized).load(std::memory_order::relaxed); }

 private:
  struct Stats {
    Word<u64> nr_memmap_pages;
    Word<u64> nr_optimized;
  };
  /// When TLBs are flushed: by the call itself, or by its caller, before any frame on its list is freed.
  /// Source: VMEMMAP_REMAP_NO_TLB_FLUSH, VMEMMAP_SPLIT_NO_TLB_FLUSH.
  enum class Flush : u8 { now, deferred };
  /// The vmemmap range of a folio: `reuse` is its first page, which stays; [start, end) are the others.
  struct Range {
    u64 reuse = 0;
    u64 start = 0;
    u64 end = 0;
  };
  Range range_of(Pfn head, Order order) const;

  bool may_optimize(Cpu& cpu, Order order) const;
  /// Optimises one folio; its frames go on `freed`, to be freed after a flush.
  std::expected<void, Errno> optimize(Cpu& cpu, Pfn head, Order order, Flush flush, FrameList& freed);
  std::expected<void, Errno> restore(Cpu& cpu, Pfn head, Order order, Flush flush);
  /// Splits the PMDs of a folio and remaps nothing.
  std::expected<void, Errno> vmemmap_remap_split(Cpu& cpu, const Range& range);
  std::expected<void, Errno> vmemmap_remap_free(Cpu& cpu, const Range& range, Flush flush, FrameList& freed);
  std::expected<void, Errno> vmemmap_remap_alloc(Cpu& cpu, const Range& range, Flush flush);
  /// Points the tails' PTEs at the head's frame as far as PMDs can be split; `walked` is the first address not
  /// remapped.
  std::expected<void, Errno> remap_tails(Cpu& cpu, const Range& range, FrameList& freed, u64& walked)
      HVO_REQUIRES_SHARED(table_.init_mm().mmap_lock);
  /// Gives the tails the frames on `freed` back, those of [start, walked), and flushes.
  void undo_remap(Cpu& cpu, u64 start, u64 walked, FrameList& freed) HVO_REQUIRES_SHARED(table_.init_mm().mmap_lock);
  std::expected<void, Errno> alloc_vmemmap_frames(Cpu& cpu, u64 nr, FrameList& list);
  void free_vmemmap_frames(Cpu& cpu, FrameList& list);
  /// What a restored page must hold: the head page as it is now, its first structs reset. Private to the CPU.
  const std::byte* make_restored_page(Cpu& cpu, u64 reuse);
  void set_flag(Cpu& cpu, Pfn head, bool optimized);

  const Design& design_;
  Vmemmap& vmemmap_;
  PageTable& table_;
  const FrameTable& frames_;
  FrameSource& source_;
  Safeguards safeguards_;
  Word<u32>* enabled_;
  Stats* stats_;
  std::span<u32> links_;
  std::span<std::byte> scratch_;  ///< one page per CPU
};

}  // namespace hvo
