// VmemmapRemap: the page-table side of HVO: what a folio's vmemmap pages map, before and after.
//
// A folio's vmemmap is a run of pages. The first, or the first two (Design::nr_kept_pages), keep a frame of their own,
// writable; the others map the design's target read-only. Frames that are won go on a list and are freed by
// free_frames, after a flush that follows their PTEs' change: the call flushes itself (Flush::now) or leaves that to
// its caller. Callers hold the folio: frozen, nobody else remaps it; no spinlock, interrupts on. Takes mmap_lock
// (Design::split says how), page_table_lock inside it, and, outside both, allocator locks. Source:
// vmemmap_remap_free(), vmemmap_remap_alloc(), vmemmap_remap_split() of mm/hugetlb_vmemmap.c.
#pragma once

#include "core/hvo/designs.h"
#include "core/hvo/frame_list.h"
#include "core/hvo/shared_tails.h"

namespace hvo {

/// Who flushes TLBs. Source: VMEMMAP_REMAP_NO_TLB_FLUSH, VMEMMAP_SPLIT_NO_TLB_FLUSH.
enum class Flush : u8 { now, deferred };

class VmemmapRemap {
 public:
  VmemmapRemap(Arena& arena, const Design& design, Vmemmap& vmemmap, const FrameTable& frames, FrameSource& source,
               Safeguards safeguards, u64 nr_cpus);

  /// A list for frames; all lists of a machine share their links.
  FrameList make_list() const { return FrameList(links_); }

  /// Splits the PMDs that map the folio and flushes nothing. Error: enomem; what is split stays split.
  std::expected<void, Errno> split(Cpu& cpu, Pfn head, Order order);
  /// Points the tails' PTEs at the design's target. Error: enomem, put back and flushed at once; only a head that was
  /// copied stays copied, its old frame on `freed`.
  std::expected<void, Errno> remap_free(Cpu& cpu, Pfn head, Order order, Flush flush, FrameList& freed);
  /// Gives each tail page a frame of its own, filled from what it maps. Error: enomem, nothing was touched.
  std::expected<void, Errno> remap_alloc(Cpu& cpu, Pfn head, Order order, Flush flush);
  void free_frames(Cpu& cpu, FrameList& freed);

  /// The frame that maps tails of such folios, or kNoFrame where that is the head's own. Error: enomem.
  std::expected<FrameNo, Errno> tails_at_boot(Cpu& cpu, Pfn head, Order order);
  /// This folio was mapped optimised at boot.
  void note_boot_folio(Order order) { note_memmap_pages(1 - vmemmap_.geometry().vmemmap_pages(order)); }

  /// Frames that back struct pages, shared tails not included. A relaxed statistic, exact at a quiescent point.
  u64 nr_memmap_pages() const { return ref(*nr_memmap_pages_).load(std::memory_order::relaxed); }
  const SharedTails& shared_tails() const { return shared_tails_; }

 private:
  /// [first, start) are the pages that keep a frame, [start, end) the others.
  struct Range {
    u64 first = 0;
    u64 start = 0;
    u64 end = 0;
  };
  Range range_of(Pfn head, Order order) const;
  /// The first page of the range, or a PMD's first: where a PMD may have to be split.
  bool starts_pmd(const Range& range, u64 va) const;

  /// A copy of the head's page in a new frame; kNoFrame when there is none and the head may stay. Error: enomem.
  std::expected<FrameNo, Errno> copy_head(Cpu& cpu, Pfn head);
  /// One remap under way: what it maps to, how far it came, what it won.
  struct Remap {
    Range range{};
    FrameNo head_copy = kNoFrame;  ///< to be mapped at the first page, if any
    FrameNo target = kNoFrame;     ///< of the tails; known at once, or once the page that holds it was visited
    u64 walked = 0;                ///< the first address not visited
    FrameList won;                 ///< former frames of the tails, in order
    bool is_first_mapped() const { return walked != range.first; }
  };
  /// Visits the range as far as PMDs can be split; the old frame of a copied head goes on `freed`. Error: enomem.
  std::expected<void, Errno> remap_pages(Cpu& cpu, Remap& remap, FrameList& freed)
      HVO_REQUIRES_SHARED(table_.init_mm().mmap_lock);
  void undo(Cpu& cpu, Remap& remap) HVO_REQUIRES_SHARED(table_.init_mm().mmap_lock);
  /// For a restore on `node`: all `nr`, from where the design allows.
  std::expected<void, Errno> alloc_frames(Cpu& cpu, u64 nr, NodeId node, FrameList& list);
  bool has_several_nodes() const { return vmemmap_.nodes().nr_nodes() > 1; }
  /// What a restored page must hold: the page at `va` as it is now, its first structs reset. Private to the CPU.
  const std::byte* make_restored_page(Cpu& cpu, u64 va);
  std::span<std::byte> scratch_of(Cpu& cpu) const;
  SplitLock split_lock() const {
    return design_.split == SplitMode::exclusive ? SplitLock::mmap_write : SplitLock::page_table_lock;
  }
  void note_memmap_pages(u64 delta) { ref(*nr_memmap_pages_).fetch_add(delta, std::memory_order::relaxed); }

  const Design& design_;
  Vmemmap& vmemmap_;
  PageTable& table_;
  const FrameTable& frames_;
  FrameSource& source_;
  Safeguards safeguards_;
  SharedTails shared_tails_;
  Word<u64>* nr_memmap_pages_;
  std::span<u32> links_;
  std::span<std::byte> scratch_;  ///< one page per CPU
};

}  // namespace hvo
