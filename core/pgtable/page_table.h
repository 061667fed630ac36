// PageTable: the part of init_mm's page tables that maps the vmemmap. PMDs and PTEs live in frames.
//
// What it guarantees
//   * A PMD is a leaf from boot until vmemmap_split_pmd replaces it by a table that maps the same frames; never back.
//     So a table, once seen, stays. Where the geometry maps by base pages it is a table from boot on.
//   * A CPU that walks sees either the leaf or the table with all its PTEs.
// Locks
//   mmap_lock (shared) for any walk that stores; page_table_lock for leaf test, split and publish of a PMD, nothing
//   else. PTE stores take no lock: the caller owns the frozen folio whose struct pages the PTE maps.
// Synchronises-with pairs
//   (8) set_pte / PMD publish: store release, in place of smp_wmb() + set_pte ↔ (9) the walk's walker_load: acquire
//       (numbers of cpu/cpu.h).
// Not modelled: the levels above the PMD; they never change under HVO.
#pragma once

#include <expected>
#include <span>

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/geometry.h"
#include "core/base/safeguards.h"
#include "core/cpu/ipi.h"
#include "core/frame/frame_source.h"
#include "core/pgtable/break_before_make.h"
#include "core/pgtable/entry.h"
#include "core/pgtable/mapping_observer.h"
#include "core/sync/rw_sem.h"
#include "core/sync/spin_lock.h"

namespace hvo {

/// The locks of init_mm. In the arena.
struct InitMm {
  RwSem mmap_lock{LockRank(LockClass::mmap)};
  SpinLock page_table_lock{LockRank(LockClass::page_table)};
};

/// What a PMD split does about TLBs. Source: VMEMMAP_SPLIT_NO_TLB_FLUSH.
enum class SplitFlush : u8 { now, deferred };

/// What keeps two CPUs from splitting the same PMD.
enum class SplitLock : u8 {
  page_table_lock,  ///< taken by the split itself (d8d55f5616cf); mmap_lock for reading is enough
  mmap_write,       ///< the caller's mmap_lock, held for writing: up to 5.17
};

/// Holds mmap_lock for a walk that may split: for reading, or for writing until downgrade().
class HVO_SCOPED_CAPABILITY WalkGuard {
 public:
  // The analysis knows no lock that is shared or exclusive by a run-time choice; a shared one is what callees ask for.
  WalkGuard(Cpu& cpu, InitMm& mm, SplitLock lock) HVO_ACQUIRE_SHARED(mm.mmap_lock) HVO_NO_THREAD_SAFETY_ANALYSIS
      : cpu_(cpu),
        mm_(mm),
        exclusive_(lock == SplitLock::mmap_write) {
    if (exclusive_) {
      mm_.mmap_lock.down_write(cpu_);
    } else {
      mm_.mmap_lock.down_read(cpu_);
    }
  }
  /// No more splits: others may read.
  void downgrade() HVO_NO_THREAD_SAFETY_ANALYSIS {
    if (exclusive_) mm_.mmap_lock.downgrade_write(cpu_);
    exclusive_ = false;
  }
  ~WalkGuard() HVO_RELEASE_GENERIC() HVO_NO_THREAD_SAFETY_ANALYSIS {
    downgrade();
    mm_.mmap_lock.up_read(cpu_);
  }
  WalkGuard(const WalkGuard&) = delete;
  WalkGuard& operator=(const WalkGuard&) = delete;

 private:
  Cpu& cpu_;
  InitMm& mm_;
  bool exclusive_;
};

/// What became of a split.
enum class SplitResult : u8 {
  was_table,  ///< nothing to do
  split,      ///< this call split it
  lost_race,  ///< another CPU split it meanwhile; this call's table was freed
};

/// [start, end) of the vmemmap, in addresses.
struct VmemmapRange {
  u64 start = 0;
  u64 end = 0;
};

class PageTable {
 public:
  /// Maps nothing yet; populate() does. `nr_struct_pages`: of the whole machine, rounded up to the geometry's
  /// memory_granule(). `vmemmap_base`: aligned to PMD size. `nr_nodes` divides the struct pages; no PMD leaf maps those
  /// of two nodes.
  PageTable(Arena& arena, const Geometry& geometry, const FrameTable& frames, FrameSource& source,
            Safeguards safeguards, u64 vmemmap_base, u64 nr_struct_pages, std::span<Cpu* const> cpus, u32 nr_nodes = 1);

  /// Boot: allocates the PMD tables and maps the whole vmemmap: by leaves, each a block of 2^table_shift frames, or by
  /// PTEs, each a frame of its own, as the geometry says. All of it comes from the node whose memory is described.
  /// The PMDs of `left_out` are left out. One CPU, before any other runs. Error: enomem.
  std::expected<void, Errno> populate(Cpu& cpu, std::span<const VmemmapRange> left_out = {});
  /// Boot: maps [start, end), whole PMDs that were left out, as an optimised folio's: the first page by a frame of its
  /// own, the others read-only by `tails`, or by the first's frame when that is kNoFrame. Error: enomem.
  std::expected<void, Errno> populate_optimized(Cpu& cpu, u64 start, u64 end, FrameNo tails);
  /// The frames mapped from `va` on become FrameState::vmemmap_self_hosted. At boot, after populate().
  void mark_self_hosted(Cpu& cpu, u64 va);
  /// True when the page at `va` is such a one. Any CPU, no lock.
  bool is_self_hosted(Cpu& cpu, u64 va);

  /// From now on it is reported when a valid entry is replaced by another one. Before any CPU runs.
  void forbid_make_without_break(Arena& arena) { break_before_make_ = BreakBeforeMake(arena, nr_vmemmap_pages_); }

  /// From now on `observer` (or nobody) is told of each page that is mapped otherwise. Quiescent machine.
  void observe(MappingObserver* observer) { observer_ = observer; }

  u64 vmemmap_base() const { return base_; }
  u64 vmemmap_end() const { return base_ + (nr_vmemmap_pages_ << geometry_.page_shift); }
  /// Pages of vmemmap, each with a frame at boot.
  u64 nr_vmemmap_pages() const { return nr_vmemmap_pages_; }
  u64 nr_pmds() const { return nr_pmds_; }
  /// How modelled memory lies on nodes.
  const NodeRanges<Pfn>& nodes() const { return nodes_; }
  std::span<const FrameNo> pmd_tables() const { return pmd_tables_; }
  InitMm& init_mm() { return *mm_; }
  const Safeguards& safeguards() const { return safeguards_; }
  std::span<Cpu* const> cpus() const { return cpus_; }
  const Geometry& geometry() const { return geometry_; }

  /// What the MMU finds for `va`: walker loads only. Any CPU, no lock.
  Translation walk(Cpu& cpu, u64 va);
  /// The form in which a Cpu calls it: `mmu` is the PageTable.
  static Translation walk_fn(void* mmu, Cpu& cpu, u64 va) { return static_cast<PageTable*>(mmu)->walk(cpu, va); }

  /// The PMD word that maps `va`.
  Word<u64>& pmd_word(u64 va);
  /// The PTE word that maps `va` in the table at `table`.
  Word<u64>& pte_word(FrameNo table, u64 va);

  /// Replaces the leaf PMD at `va` by a table of PTEs that map the same frames read-write. Needs mmap_lock for reading.
  /// Source: vmemmap_split_pmd() as of 5.18 (d8d55f5616cf and its two fixes, 39d35edee453 and the Jul 2023 mail
  /// 20230707033859.16148-1). Error: enomem, nothing changed.
  std::expected<SplitResult, Errno> vmemmap_split_pmd(Cpu& cpu, u64 va, SplitFlush flush,
                                                      SplitLock lock = SplitLock::page_table_lock)
      HVO_REQUIRES_SHARED(init_mm().mmap_lock);

  /// The PTE that maps `va`; the PMD must have been split. Needs mmap_lock for reading or a quiescent machine.
  Pte pte_at(Cpu& cpu, u64 va);
  /// The PTE that maps `va` right now; a leaf counts as PTEs of its frames. For detectors: never a step, any moment.
  HVO_DETECTOR Pte peek(u64 va);
  /// The word at `va` right now, 0 where nothing is mapped. For detectors, as peek().
  HVO_DETECTOR u64 peek_word(u64 va);
  /// Publishes a PTE: all stores of this CPU before it are visible through it.  (8)
  void set_pte(Cpu& cpu, u64 va, Pte pte);

  /// Drops all translations of [start, end) on all CPUs and waits. Interrupts on.
  void flush_tlb_kernel_range(Cpu& cpu, u64 start, u64 end);
  /// The same for the whole vmemmap. Source: flush_tlb_all().
  void flush_tlb_all(Cpu& cpu) { flush_tlb_kernel_range(cpu, base_, vmemmap_end()); }

  /// Page-table pages of PTEs in use: exact at a quiescent point. None is ever given back.
  u64 nr_pte_pages(Cpu& cpu);

 private:
  u64 page_index(u64 va) const { return (va - base_) >> geometry_.page_shift; }
  u64 pmd_index(u64 va) const { return (va - base_) >> (geometry_.page_shift + geometry_.table_shift); }
  Word<u64>& word(FrameNo frame, u64 index) { return reinterpret_cast<Word<u64>*>(frames_.address(frame))[index]; }
  /// f() inside page_table_lock, unless another lock or a removed safeguard stands in for it.
  template <class F>
  auto with_page_table_lock(Cpu& cpu, SplitLock lock, F f) {
    if (lock != SplitLock::page_table_lock || !safeguards_.has(Safeguard::page_table_lock)) return f();
    const SpinGuard guard(cpu, mm_->page_table_lock);
    return f();
  }
  /// The second look, and the table published if the PMD is still a leaf.
  SplitResult publish_pte_table(Cpu& cpu, u64 start, FrameNo block, FrameNo table, SplitFlush flush);
  /// Tells the observer of every page of the PMD at `start`, now mapped by the frames of `block`.
  void tell_of_block(Cpu& cpu, u64 start, FrameNo block);
  /// The frame behind the page at `va`, mapped by a leaf or a PTE.
  FrameNo frame_of(Cpu& cpu, u64 va);
  std::expected<void, Errno> populate_block(Cpu& cpu, u64 va);
  std::expected<void, Errno> populate_base_pages(Cpu& cpu, u64 va);
  /// A frame for a page table that maps `va` first of all, none of its entries present. Error: enomem.
  std::expected<FrameNo, Errno> make_empty_table(Cpu& cpu, u64 va);
  /// From the node whose memory the struct pages at `va` describe, if it can be.
  Placement near(u64 va) const { return Placement::first(nodes_.node_of(Pfn{(va - base_) >> kStructPageShift})); }
  /// A private table that maps what the leaf maps. Error: enomem.
  std::expected<FrameNo, Errno> make_pte_table(Cpu& cpu, FrameNo first);

  Geometry geometry_;
  const FrameTable& frames_;
  FrameSource& source_;
  Safeguards safeguards_;
  u64 base_;
  u64 nr_vmemmap_pages_;
  u64 nr_pmds_;
  NodeRanges<Pfn> nodes_;
  std::span<Cpu* const> cpus_;
  InitMm* mm_;
  std::span<FrameNo> pmd_tables_;
  BreakBeforeMake break_before_make_;
  MappingObserver* observer_ = nullptr;
};

}  // namespace hvo
