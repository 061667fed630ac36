// Model: a machine as maps and sets, so plain that it can be believed. The second opinion of the model test.
//
// It has no page table, no allocator and no struct page: frames, free pages and the answers of every lookup are counted
// anew from the folios each time they are asked for. Nothing here asks core's own shadow truth.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <vector>

#include "core/base/geometry.h"
#include "core/hugetlb/hstate.h"
#include "core/hvo/designs.h"

namespace hvo::test {

/// Pages that belong together: a single page, a compound, or a hugepage, free or in use.
struct ModelFolio {
  Order order;
  u32 refs = 0;  ///< 0: a hugepage on the free list of its pool
  bool huge = false;
  bool optimized = false;
  bool temporary = false;

  bool is_free() const { return huge && refs == 0; }
};

/// The rules that a test may bend, to see whether the comparison notices.
struct ModelRules {
  bool surplus_leaves_at_put = true;            ///< a folio put while its pool has surplus goes to the page allocator
  bool failed_restore_is_surplus = true;        ///< a folio that can't be restored is counted as surplus
  bool optimized_keeps_its_frames_only = true;  ///< false: it keeps one more than it does
  bool tails_of_every_page_are_tails = true;    ///< false: fake heads count as heads
};

/// What the lookups must say of a page.
struct ModelAnswer {
  u64 head = 0;
  bool is_head = false;
  bool is_tail = false;
  bool is_huge = false;
  friend bool operator==(const ModelAnswer&, const ModelAnswer&) = default;
};

class Model {
 public:
  using Folios = std::map<u64, ModelFolio>;  ///< by the pfn of the head

  Model(const Geometry& geometry, const Design& design, u64 nr_pages, const ModelRules& rules);

  const Geometry& geometry() const { return geometry_; }
  const ModelRules& rules() const { return rules_; }
  u64 nr_pages() const { return nr_pages_; }
  Folios& folios() { return folios_; }
  const Folios& folios() const { return folios_; }
  PoolCounters& pool(Order order) { return pools_[order.v]; }
  const std::map<u8, PoolCounters>& pools() const { return pools_; }
  void set_enabled(bool enabled) { enabled_ = enabled; }

  // ---- pages
  u64 nr_taken() const;
  /// None of these pages is in a folio.
  bool is_free(u64 first, Order order) const;
  /// There is an aligned block of free pages.
  bool has_room(Order order) const;
  /// The page allocator can serve `order`: room, and as many pages in the budget.
  bool can_alloc(Order order) const { return free_pages() >= order.nr_pages() && has_room(order); }
  ModelAnswer answer(u64 pfn) const;

  // ---- frames
  u64 nr_pmds() const { return nr_pages_ / geometry_.structs_per_pmd(); }
  std::set<u64>& split_pmds() { return split_pmds_; }
  const std::set<u64>& split_pmds() const { return split_pmds_; }
  /// The PMDs that map the struct pages of these pages.
  std::set<u64> pmds_of(u64 first, Order order) const;
  bool has_unsplit_pmd(u64 first, Order order) const;
  /// Frames that optimising a folio of `order` wins, and restoring it needs.
  u64 frames_saved(Order order) const;
  u64 frames_saved(const ModelFolio& folio) const { return folio.optimized ? frames_saved(folio.order) : 0; }
  u64 nr_saved() const;
  u64 nr_mapped() const { return nr_vmemmap_pages() - nr_saved(); }
  u64 nr_pmd_pages() const { return align_up(nr_pmds(), geometry_.ptrs_per_table()) / geometry_.ptrs_per_table(); }
  /// Of the budget: neither a page that is taken nor a frame.
  u64 free_pages() const { return nr_pages_ - nr_taken() - nr_mapped() - nr_pmd_pages() - split_pmds_.size(); }
  /// A folio of this size is optimised when it is made, memory permitting.
  bool may_optimize(Order order) const { return enabled_ && frames_saved(order) != 0; }
  u64 nr_optimized() const;

  // ---- choices
  /// The heads for which pred holds, in order.
  template <class Pred>
  std::vector<u64> heads(Pred pred) const {
    std::vector<u64> found;
    for (const auto& [head, folio] : folios_) {
      if (pred(folio)) found.push_back(head);
    }
    return found;
  }

 private:
  u64 nr_vmemmap_pages() const { return nr_pages_ / geometry_.structs_per_page(); }
  /// The folio that contains pfn, or end().
  Folios::const_iterator folio_of(u64 pfn) const;

  Geometry geometry_;
  const Design& design_;
  u64 nr_pages_;
  ModelRules rules_;
  bool enabled_ = true;
  Folios folios_;
  std::map<u8, PoolCounters> pools_;  ///< by order
  std::set<u64> split_pmds_;
};

}  // namespace hvo::test
