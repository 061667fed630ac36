// Hugetlb: the pools of hugepages: folios handed out and taken back, pools grown, shrunk and demoted.
//
// What it guarantees
//   * A folio is a compound, marked as a hugepage, before its vmemmap is optimised; it keeps the mark until its vmemmap
//   is
//     restored, and only then goes back to the page allocator. So who finds a page marked may rely on its tails being
//     read-only, and who finds none may store to them.
//   * From prep to its end a folio is frozen unless handed out: on a free list its count is 0.
//   * When a folio can't be restored for lack of memory it stays whole, on the free list, as surplus of its node.
// Locks
//   resize_lock of the larger size → of the smaller → what restore and optimise take. hugetlb_lock protects lists,
//   counters and the hugepage mark; it is a leaf, taken with interrupts off, never held across a remap or an
//   allocation.
// Source: mm/hugetlb.c of 6.1.
#pragma once

#include <expected>

#include "core/hugetlb/hstate.h"
#include "core/hugetlb/raw_errors.h"
#include "core/hvo/vmemmap_optimizer.h"
#include "core/pages/page_allocator.h"
#include "core/vmemmap/folio.h"

namespace hvo {

/// Where a reference is dropped.
enum class Context : u8 {
  task,    ///< may sleep
  atomic,  ///< may not: interrupts are off
};

/// What memory_failure does about a hugepage that is neither free nor in use.
enum class Insist : u8 {
  no,            ///< ebusy
  yes,           ///< notes the error all the same, as the kernel's second try does (MF_NO_RETRY): it may be lost (Z37)
  where_no_copy  ///< yes in designs that never copy a head, for there it can't be lost; no in the others
};

/// Thread-safe: any CPU, no lock held, interrupts on, unless a function says otherwise.
class Hugetlb {
 public:
  static constexpr unsigned kMaxHstates = kMaxHugeSizes;

  /// Empty pools for the hugepage sizes of the geometry.
  Hugetlb(Arena& arena, Vmemmap& vmemmap, PageAllocator& pages, VmemmapOptimizer& optimizer);

  /// The sizes, larger first.
  std::span<const Hstate> hstates() const { return {s_->hstates.data(), s_->nr_hstates}; }
  /// For reports: where the lock and the list of what waits to be freed are.
  const SpinLock& hugetlb_lock() const { return s_->hugetlb_lock; }
  const Word<u32>& hpage_freelist() const { return s_->deferred; }
  /// True when there is a pool of this size.
  bool has_pool(Order order) const;

  // ---- folios
  /// A folio of the pool with one reference, of the CPU's node if it can be: from a free list, else a surplus one as
  /// far as overcommit allows. Error: enomem. Source: alloc_hugetlb_folio().
  std::expected<Pfn, Errno> alloc_hugetlb_folio(Cpu& cpu, Order order);
  /// A folio outside all limits, with one reference; it leaves the pool again when it is freed.
  /// Error: enomem. Source: alloc_migrate_hugetlb_folio().
  std::expected<Pfn, Errno> alloc_migrate_hugetlb_folio(Cpu& cpu, Order order);
  /// Drops a reference on the folio with this head, hugepage or not; the last one frees it.
  /// Errors: those of free_huge_folio. Source: folio_put(), destroy_large_folio().
  std::expected<void, Errno> folio_put(Cpu& cpu, Pfn head, Context context = Context::task);
  /// Takes back a hugepage whose count is 0: to the free list, or, when it is temporary or the pool has surplus, to the
  /// page allocator. Error: enomem, the folio could not be restored and is free and surplus now: an information, for
  /// the caller owns it no longer either way. Source: free_huge_folio().
  std::expected<void, Errno> free_huge_folio(Cpu& cpu, Pfn head);
  /// The same where nobody may sleep: interrupts off, no lock. An optimised folio that leaves its pool waits for
  /// free_hpage_work.
  void free_huge_folio_atomic(Cpu& cpu, Pfn head);
  /// The worker: frees what waits; how many there were. Source: free_hpage_workfn(), flush_free_hpage_work().
  u64 free_hpage_work(Cpu& cpu);

  // ---- pools
  /// Grows or shrinks the pool to `count` persistent folios, as far as memory and use allow; the number reached.
  /// Folios in use beyond it become surplus. New folios are dealt out to the nodes in turn, and taken from them so;
  /// with `node`, the count is of that node's folios, and no other node changes. Source: set_max_huge_pages().
  u64 set_max_huge_pages(Cpu& cpu, Order order, u64 count, NodeId node = kNoNode);
  void set_nr_overcommit_huge_pages(Cpu& cpu, Order order, u64 count);
  /// Makes hugepages of the pool's demote size from up to `nr` free folios, of `node` if one is given; how many were
  /// demoted. Errors, when none was: ebusy (no free folio), enomem (one could not be restored; it is back as it was),
  /// einval (no smaller size). Source: demote_store(), demote_pool_huge_page().
  std::expected<u64, Errno> demote_pool_huge_pages(Cpu& cpu, Order order, u64 nr, NodeId node = kNoNode);
  /// The size that folios of `order` are demoted to: the next smaller one unless set; order 0 when none is smaller.
  Order demote_size(Cpu& cpu, Order order);
  /// Error: einval, `to` is no hugepage size, not smaller, or smaller than the default hugepage (the kernel refuses
  /// that as well, though its own default may be such a size). Source: demote_size_store(), HUGETLB_PAGE_ORDER.
  std::expected<void, Errno> set_demote_size(Cpu& cpu, Order order, Order to);
  PoolCounters counters(Cpu& cpu, Order order);
  NodePoolCounters counters(Cpu& cpu, Order order, NodeId node);
  /// Calls fn(head) for each folio on the free list of a node, the one that is handed out first in front. Under
  /// hugetlb_lock: fn takes no lock.
  template <class Fn>
  void for_each_free_folio(Cpu& cpu, Order order, NodeId node, Fn fn) {
    Hstate& h = hstate(order);
    const SpinIrqGuard guard(cpu, s_->hugetlb_lock);
    (void)free_list(h.nodes[node.v]).find_if([&](u32 i) { return fn(pfn_of(i)), false; });
  }
  /// Gives one free hugepage to the page allocator; nothing to do when it is none. Errors: ebusy (in use, or on its way
  /// out), enomem (could not be restored; all is as it was). Source: dissolve_free_hugetlb_folio().
  std::expected<void, Errno> dissolve_free_hugetlb_folio(Cpu& cpu, Pfn head);
  /// A memory error at `pfn`. In a hugepage it is noted on the folio, and moved to the page itself once the folio is
  /// restored and no hugepage any more; else PG_hwpoison is set. Errors: ebusy (nobody owns the page, it changed hands,
  /// or its hugepage is neither free nor in use), efault. A hugepage stays where it is: to unmap and dissolve it is the
  /// caller's. Source: memory_failure(), try_memory_failure_hugetlb(), get_huge_page_for_hwpoison().
  std::expected<void, Errno> memory_failure(Cpu& cpu, Pfn pfn, Insist insist = Insist::where_no_copy);

  /// Boot: a folio that was formed, and optimised, before there was a pool joins it. Source: gather_bootmem_prealloc().
  void adopt_boot_folio(Cpu& cpu, Pfn head, Order order);

  /// Recounts lists and counters from the struct pages up. Quiescent machine. Reports conservation, bad_page.
  bool validate(Cpu& cpu);

 private:
  static constexpr u64 kBatch = 512;
  struct State {
    SpinLock hugetlb_lock{LockRank(LockClass::hugetlb)};
    u32 nr_hstates = 0;
    Word<u32> deferred;  ///< head of hpage_freelist: index + 1, linked through links_; 0: empty
    std::array<Hstate, kMaxHstates> hstates;
  };
  class Batch;

  Hstate& hstate(Order order);
  /// The pool of a folio that is being freed. Null, and reported: its order is no hugepage's; it is lost.
  Hstate* hstate_of(Cpu& cpu, Pfn head);
  bool has(Safeguard safeguard) const { return optimizer_.safeguards().has(safeguard); }
  u32 nr_nodes() const { return vmemmap_.nodes().nr_nodes(); }
  IndexList free_list(NodePool& pool) { return {links_, pool.free_list}; }
  NodePool& pool_of(Hstate& h, Pfn head) { return h.nodes[vmemmap_.node_of(head).v]; }
  u32 index_of(Pfn head) const { return static_cast<u32>(head.v >> smallest_.v); }
  Pfn pfn_of(u32 index) const { return {u64{index} << smallest_.v}; }

  bool is_marked(Cpu& cpu, Pfn head) { return folio_test_hugetlb(vmemmap_.pages(cpu), {vmemmap_.page_of(head)}); }
  /// The hugepage mark of a folio: set by its maker, changed later under hugetlb_lock only.
  void mark(Cpu& cpu, Pfn head, Order order, bool hugetlb);
  bool has_hpg(Cpu& cpu, Pfn head, u64 flag);
  void set_hpg(Cpu& cpu, Pfn head, u64 flag, bool on);
  void set_head_flag(Cpu& cpu, Pfn head, u64 flag, bool on);
  bool is_poisoned(Cpu& cpu, Pfn head);
  /// The head of the folio that `pfn` belongs to: as good as compound_head() is without a reference.
  Pfn head_of(Cpu& cpu, Pfn pfn) const;
  /// Under the lock: notes the error if a hugepage holds `pfn`. True; false when none does; ebusy.
  std::expected<bool, Errno> try_memory_failure_hugetlb(Cpu& cpu, Pfn pfn, Insist insist);
  void note_raw_error(Cpu& cpu, Pfn head, Pfn pfn) HVO_REQUIRES(s_->hugetlb_lock);
  /// PG_hwpoison from the head to the pages that have it. The folio is restored and no longer marked (Z9).
  void move_raw_errors(Cpu& cpu, Pfn head) HVO_REQUIRES(s_->hugetlb_lock);
  bool validate_errors(Cpu& cpu) HVO_REQUIRES(s_->hugetlb_lock);
  void defer(Cpu& cpu, Pfn head);
  /// Under hugetlb_lock: back on the free list (false), or out of the pool, to be unmade by the caller (true).
  bool take_out(Cpu& cpu, Hstate& h, Pfn head);
  /// Gives a folio its first reference.
  void hand_out(Cpu& cpu, Pfn head);

  /// A new frozen folio, marked, not optimised, in no pool. Errors: enomem, efault.
  std::expected<Pfn, Errno> alloc_fresh_hugetlb_folio(Cpu& cpu, const Hstate& h, Placement at = {});
  void optimize(Cpu& cpu, std::span<const Pfn> heads, Order order);
  /// Of a folio that was taken out of its pool. Error: enomem, nothing was touched.
  std::expected<void, Errno> restore(Cpu& cpu, Pfn head, Order order);
  /// A list of memory errors can't be split (Z23). Under hugetlb_lock.
  bool may_demote(Cpu& cpu, Pfn head);
  std::expected<Pfn, Errno> alloc_surplus_hugetlb_folio(Cpu& cpu, Hstate& h);
  /// Restores a removed folio and gives it to the page allocator; if it can't, it goes back as surplus: enomem.
  std::expected<void, Errno> update_and_free_hugetlb_folio(Cpu& cpu, Hstate& h, Pfn head);
  void update_and_free_pages_bulk(Cpu& cpu, Hstate& h, std::span<const Pfn> heads);
  void free_restored(Cpu& cpu, Hstate& h, Pfn head);

  void account_new(Hstate& h, Pfn head) HVO_REQUIRES(s_->hugetlb_lock) {
    ++h.counters.nr_huge_pages;
    ++pool_of(h, head).counters.nr_huge_pages;
  }
  void account_surplus(Hstate& h, NodePool& of, u64 delta) HVO_REQUIRES(s_->hugetlb_lock) {
    h.counters.surplus_huge_pages += delta;
    of.counters.surplus_huge_pages += delta;
  }
  /// One folio more, or fewer, of some allowed node counts as surplus. False: there is none left to count so.
  bool adjust_pool_surplus(Hstate& h, NodeId allowed, bool more) HVO_REQUIRES(h.resize_lock, s_->hugetlb_lock);
  /// Of all nodes, or of one.
  u64 persistent(const Hstate& h, NodeId allowed) const HVO_REQUIRES(s_->hugetlb_lock) {
    return allowed == kNoNode ? h.counters.persistent() : h.nodes[allowed.v].counters.persistent();
  }
  /// What a pool that shrinks is held against: its persistent folios; without that safeguard all of them (Z25).
  u64 nr_to_keep(const Hstate& h, NodeId allowed) const HVO_REQUIRES(s_->hugetlb_lock) {
    if (has(Safeguard::shrink_persistent_only)) return persistent(h, allowed);
    return allowed == kNoNode ? h.counters.nr_huge_pages : h.nodes[allowed.v].counters.nr_huge_pages;
  }
  u64 in_use(const Hstate& h, NodeId allowed) const HVO_REQUIRES(s_->hugetlb_lock) {
    if (allowed == kNoNode) return h.counters.nr_huge_pages - h.counters.free_huge_pages;
    return h.nodes[allowed.v].counters.nr_huge_pages - h.nodes[allowed.v].counters.free_huge_pages;
  }
  /// The first node that fits, from the one whose turn it is on; the turn passes to the one after it. With `allowed` no
  /// other is asked. kNoNode: none fits. Source: for_each_node_mask_to_alloc(), hstate_next_node_to_alloc().
  template <class Fits>
  NodeId next_node(u32& turn, NodeId allowed, Fits fits) const {
    if (allowed != kNoNode) return fits(allowed) ? allowed : kNoNode;
    for (u32 i = 0; i < nr_nodes(); ++i) {
      const NodeId node{turn};
      turn = turn + 1 == nr_nodes() ? 0 : turn + 1;
      if (fits(node)) return node;
    }
    return kNoNode;
  }
  void enqueue_hugetlb_folio(Cpu& cpu, Hstate& h, Pfn head) HVO_REQUIRES(s_->hugetlb_lock);
  /// False when it is not on it.
  bool take_off_free_list(Cpu& cpu, Hstate& h, Pfn head) HVO_REQUIRES(s_->hugetlb_lock);
  /// The node's folio freed last that has no memory error, or kNoPfn.
  Pfn dequeue_hugetlb_folio(Cpu& cpu, Hstate& h, NodeId node) HVO_REQUIRES(s_->hugetlb_lock);
  /// The same of any node, that of the CPU first. Source: dequeue_hugetlb_folio_nodemask().
  Pfn dequeue_hugetlb_folio(Cpu& cpu, Hstate& h) HVO_REQUIRES(s_->hugetlb_lock);
  /// Takes a folio that is on no list out of the pool. Its mark goes only if it is not optimised.
  void remove_hugetlb_folio(Cpu& cpu, Hstate& h, Pfn head, bool adjust_surplus) HVO_REQUIRES(s_->hugetlb_lock);
  /// The reverse, on to the free list.
  void add_hugetlb_folio(Cpu& cpu, Hstate& h, Pfn head, bool adjust_surplus) HVO_REQUIRES(s_->hugetlb_lock);

  u64 grow(Cpu& cpu, Hstate& h, u64 nr, NodeId allowed) HVO_REQUIRES(h.resize_lock);
  u64 shrink(Cpu& cpu, Hstate& h, u64 count, NodeId allowed) HVO_REQUIRES(h.resize_lock);
  static constexpr u64 kDemotedAtOnce = 64;
  struct TakenToDemote {
    Pfn head = kNoPfn;
    bool was_surplus = false;
  };
  /// A free folio out of its list and pool. False: there is none.
  bool take_to_demote(Cpu& cpu, Hstate& src, NodeId allowed, TakenToDemote& taken)
      HVO_REQUIRES(src.resize_lock, s_->hugetlb_lock);
  std::expected<void, Errno> demote_taken(Cpu& cpu, Hstate& src, Hstate& dst, TakenToDemote taken)
      HVO_REQUIRES(src.resize_lock);
  /// Takes the mark off a removed, restored folio; if it has a memory error it goes back instead: false.
  bool unmark_healthy(Cpu& cpu, Hstate& src, Pfn head, bool was_surplus);
  /// Splits a removed, restored folio into folios of the pool `dst`.
  std::expected<void, Errno> split_into_pool(Cpu& cpu, const Hstate& src, Hstate& dst, Pfn head);
  /// Counts a piece in its pool and frees it there, as a kernel that does not batch does: where that pool has surplus,
  /// the piece goes to the page allocator and takes one surplus along. Source: demote_free_huge_page() (6.1).
  void add_demoted(Cpu& cpu, Hstate& dst, Pfn piece);
  bool validate_pool(Cpu& cpu, Hstate& h);
  bool validate_node_pool(Cpu& cpu, Hstate& h, NodeId node) HVO_REQUIRES(s_->hugetlb_lock);
  bool validate_marks(Cpu& cpu);
  bool complain(Cpu& cpu, u64 object, u64 expected, u64 seen, std::string_view what) const;

  Vmemmap& vmemmap_;
  PageAllocator& pages_;
  VmemmapOptimizer& optimizer_;
  State* s_;
  Order smallest_;
  std::span<u32> links_;  ///< a word per smallest hugepage of memory
  RawErrors raw_errors_;
};

}  // namespace hvo
