// Vmemmap: the array of all struct pages, and what their owner does to them: boot, forming and destroying compounds,
// the checks at free.
//
// Locks: none. Whoever forms or destroys a compound owns its pages, frozen (reference count 0). Others read them at any
// time, so every store is marked; a store to a tail that is mapped read-only traps, is reported by the CPU, and ends
// the operation with efault.
#pragma once

#include "core/pgtable/page_table.h"
#include "core/vmemmap/encoding.h"
#include "core/vmemmap/folio.h"
#include "core/vmemmap/truth.h"

namespace hvo {

class Vmemmap {
 public:
  static constexpr unsigned kNrZones = kZonesPerNode * kMaxNodes;

  /// `nr_pages`: struct pages of the machine. `encoding`: what prep_compound_page writes into tails. The first quarter
  /// of memory, in whole folios of the largest size, is a node's zone 0 (as ZONE_DMA32 is), the rest its zone 1; a
  /// machine too small for that has zone 0 only. Nodes are the page table's.
  Vmemmap(Arena& arena, PageTable& table, u64 nr_pages, EncodingKind encoding);

  u64 nr_pages() const { return nr_pages_; }
  Page page_of(Pfn pfn) const { return {base_ + (pfn.v << kStructPageShift)}; }
  Pfn pfn_of(Page p) const { return {(p.va - base_) >> kStructPageShift}; }
  EncodingKind encoding() const { return encoding_; }
  const NodeRanges<Pfn>& nodes() const { return nodes_; }
  NodeId node_of(Pfn pfn) const { return nodes_.node_of(pfn); }
  /// The zone by a number unique over all nodes, 0 … kNrZones - 1, as page_zone_id() of its flags. No folio lies in
  /// two.
  u64 zone_of(Pfn pfn) const { return u64{node_of(pfn).v} * kZonesPerNode + (pfn < zone_boundary_ ? 0 : 1); }
  static NodeId node_of_zone(u64 zone) { return {static_cast<u32>(zone / kZonesPerNode)}; }
  Pfn zone_boundary() const { return zone_boundary_; }
  bool is_valid(Page p) const { return p.va >= page_of({0}).va && p.va < page_of({nr_pages_}).va; }
  CpuPages pages(Cpu& cpu) const { return {cpu, key_, page_mask_}; }
  StaticKey& key() const { return key_; }
  /// num_poisoned_pages: memory errors so far. Never falls.
  Word<u64>& nr_poisoned() const { return *nr_poisoned_; }
  Truth& truth() { return truth_; }
  /// For lookups that are checked: remaps that were undone, counted before tails are writable again. Never a
  /// step, relaxed.
  HVO_DETECTOR u64 nr_undone() const {
    return ref(const_cast<Word<u64>&>(nr_undone_)).load(std::memory_order::relaxed);
  }
  /// For an engine that puts the machine back in the middle of a lookup.
  void set_nr_undone(u64 n) { ref(nr_undone_).store(n, std::memory_order::relaxed); }
  HVO_DETECTOR void note_undone() { ref(nr_undone_).fetch_add(1, std::memory_order::relaxed); }
  PageTable& table() { return table_; }
  const Geometry& geometry() const { return table_.geometry(); }

  /// Boot: writes the initial struct pages into the vmemmap's frames: all, or those in its pages [first, end). One CPU,
  /// page table populated and as boot left it. Source: memmap_init().
  void populate(Cpu& cpu) { populate(cpu, 0, table_.nr_vmemmap_pages()); }
  void populate(Cpu& cpu, u64 first, u64 end);

  /// Boot: makes the pages of a hugepage one compound whose vmemmap is mapped optimised already
  /// (PageTable::populate_optimized). After populate().
  void prep_boot_folio(Cpu& cpu, Pfn head, Order order);

  /// All eight words of a struct page, each with a marked load. Not one moment's state if somebody writes.
  PageImage read(Cpu& cpu, Page p) const;

  /// Makes the frozen single pages [head, head + 2^order) one compound, frozen too. Order ≥ 1.
  /// Source: prep_compound_page().
  std::expected<void, Errno> prep_compound_page(Cpu& cpu, Pfn head, Order order);
  /// The reverse: single frozen pages again. Needs every tail writable. Source: destroy_compound_gigantic_folio().
  std::expected<void, Errno> destroy_compound_page(Cpu& cpu, Pfn head, Order order);
  /// Makes one frozen compound of `order` many frozen compounds of order `each` (< order). Needs every tail writable.
  std::expected<void, Errno> split_compound_page(Cpu& cpu, Pfn head, Order order, Order each);

  /// Checks what must hold of a frozen page or compound that is about to be freed: the head (or single page) has no
  /// owner's flag, mapping, count or private data left; every tail is in its initial state but for
  /// PG_hwpoison; the first tail knows the order, and no pool owns it. Reports bad_page per struct page, at most 4
  /// times a call; returns the number of bad struct pages. Source: free_page_is_bad(), free_tail_page_prepare().
  u64 check_at_free(Cpu& cpu, Pfn first, Order order);

 private:
  std::expected<void, Errno> make_tail(Cpu& cpu, Page tail, u64 word);
  std::expected<void, Errno> make_single(Cpu& cpu, Page p);
  std::expected<void, Errno> make_head(Cpu& cpu, Page head, Order order);
  std::expected<void, Errno> make_compound(Cpu& cpu, Pfn head, Order order);

  PageTable& table_;
  u64 base_;       ///< the table's, here for lookups
  u64 page_mask_;  ///< page size - 1
  u64 nr_pages_;
  EncodingKind encoding_;
  NodeRanges<Pfn> nodes_;
  Pfn zone_boundary_;
  StaticKey& key_;
  Word<u64>* nr_poisoned_;
  Truth truth_;
  Word<u64> nr_undone_;  ///< a detector's: no part of the machine's state
};

}  // namespace hvo
